"""Secure messaging against the published examples, and against every way to break an answer."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from eid import tlv
from eid.chip.apdu import Command, Response
from eid.chip.crypto import Suite, encrypt, pad, sm_iv, sm_mac
from eid.chip.messaging import SecureMessaging
from eid.errors import SecureMessagingError

VECTORS = Path(__file__).parents[1] / "vectors" / "emrtd"
D4 = json.loads((VECTORS / "icao-9303-11-d4-secure-messaging.json").read_text())
READ = Command(0x00, 0xB0, 0x9D, 0x00, le=256)


def answer(
    suite: Suite,
    ssc: int,
    data: bytes = b"",
    sw: int = 0x9000,
    *,
    odd: bool = False,
    ks_enc: bytes | None = None,
    ks_mac: bytes | None = None,
) -> bytes:
    """What an honest chip sends."""
    keys = bytes(suite.key_size)
    counter = ssc.to_bytes(suite.block_size, "big")
    body = b""
    if data:
        iv = sm_iv(suite, ks_enc or keys, counter)
        cryptogram = encrypt(suite, ks_enc or keys, pad(data, suite.block_size), iv=iv)
        body = tlv.encode(0x85, cryptogram) if odd else tlv.encode(0x87, b"\x01", cryptogram)
    body += tlv.encode(0x99, sw.to_bytes(2, "big"))
    body += tlv.encode(0x8E, sm_mac(suite, ks_mac or keys, counter, body))
    return body + sw.to_bytes(2, "big")


def session(suite: Suite = Suite.AES_128) -> SecureMessaging:
    keys = bytes(suite.key_size)
    return SecureMessaging(suite, keys, keys, bytes(suite.block_size))


def awaiting(suite: Suite = Suite.AES_128) -> SecureMessaging:
    messaging = session(suite)
    messaging.protect(READ)
    return messaging


def test_published_3des_example() -> None:
    keys = (bytes.fromhex(D4[name]) for name in ("ks_enc", "ks_mac", "ssc"))
    messaging = SecureMessaging(Suite.DES3, *keys)
    for step in D4["exchanges"]:
        plain = dict(step["plain_command"])
        plain["data"] = bytes.fromhex(plain["data"])
        protected = messaging.protect(Command(**plain)).encode()
        assert protected.hex().upper() == step["command"], step["about"]
        response = messaging.open(Response.parse(bytes.fromhex(step["response"])))
        assert (response.data.hex().upper(), response.sw) == (step["plain_response"], 0x9000)


def test_published_aes_sample() -> None:
    sample = json.loads((VECTORS / "tr-03110-eac-examples.json").read_text())["ecdh"]
    keys = (bytes.fromhex(sample["k_enc"]), bytes.fromhex(sample["k_mac"]), bytes(16))
    messaging = SecureMessaging(Suite.AES_128, *keys)
    name = bytes.fromhex(sample["d1"])
    protected = messaging.protect(Command(0x00, 0x22, 0x81, 0xB6, name))
    assert protected.data.startswith(b"\x87\x11\x01" + bytes.fromhex(sample["e1"]))
    raw = bytes.fromhex(sample["ad1"] + "8E08" + sample["a1"] + "9000")
    assert messaging.open(Response.parse(raw)) == Response(b"", 0x9000)


@pytest.mark.parametrize("suite", list(Suite))
@pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 16, 200, 5000])
def test_answers_of_every_cipher(suite: Suite, size: int) -> None:
    messaging = awaiting(suite)
    raw = answer(suite, 2, bytes(size))
    assert messaging.open(Response.parse(raw)) == Response(bytes(size), 0x9000)
    messaging.protect(READ)
    refusal = messaging.open(Response.parse(answer(suite, 4, sw=0x6A82)))
    assert refusal == Response(b"", 0x6A82)
    assert messaging.is_open


def test_odd_instruction() -> None:
    messaging = session()
    protected = messaging.protect(Command(0x00, 0xB1, 0, 0, b"\x54\x02\x80\x00", 100))
    assert protected.data[0] == 0x85
    assert tlv.parse_all(protected.data)[1].raw == b"\x97\x01\x64"
    raw = answer(Suite.AES_128, 2, b"\x53\x01\xaa", odd=True)
    assert messaging.open(Response.parse(raw)).data == b"\x53\x01\xaa"


def test_extended_length() -> None:
    protected = session().protect(Command(0x00, 0xB0, 0, 0, le=0x8000))
    assert tlv.parse_all(protected.data)[0].raw == b"\x97\x02\x80\x00"
    assert protected.le == 65536
    most = session().protect(Command(0x00, 0xB0, 0, 0, le=65536))
    assert tlv.parse_all(most.data)[0].raw == b"\x97\x02\x00\x00"
    long = session().protect(Command(0x00, 0x2A, 0, 0, bytes(300)))
    assert long.encode(extended=True)[4] == 0


def test_room() -> None:
    assert session(Suite.AES_128).room(extended=False) == 223
    assert session(Suite.DES3).room(extended=False) == 231
    for suite in Suite:
        room = session(suite).room(extended=True)
        body = answer(suite, 2, bytes(room))
        assert 65536 - suite.block_size < len(body) - 2 <= 65536


def reseal(items: list[bytes], *, ssc: int = 2) -> bytes:
    """Give changed data objects a right MAC, so that only the one fault remains."""
    body = b"".join(items)
    mac = sm_mac(Suite.AES_128, bytes(16), ssc.to_bytes(16, "big"), body)
    return body + tlv.encode(0x8E, mac) + b"\x90\x00"


def parts(data: bytes = b"hello") -> list[bytes]:
    raw = answer(Suite.AES_128, 2, data)
    return [item.raw for item in tlv.parse_all(raw[:-2])]


GOOD = answer(Suite.AES_128, 2, b"hello")
DATA, STATUS, MAC = parts()

BROKEN: dict[str, Callable[[], bytes]] = {
    "naked refusal": lambda: bytes.fromhex("6982"),
    "naked success": lambda: bytes.fromhex("9000"),
    "naked data": lambda: b"hello" + b"\x90\x00",
    "naked 6988": lambda: bytes.fromhex("6988"),
    "mac flipped": lambda: GOOD[:-3] + bytes([GOOD[-3] ^ 1]) + GOOD[-2:],
    "mac missing": lambda: DATA + STATUS + b"\x90\x00",
    "mac short": lambda: DATA + STATUS + tlv.encode(0x8E, MAC[2:-1]) + b"\x90\x00",
    "mac empty": lambda: DATA + STATUS + tlv.encode(0x8E, b"") + b"\x90\x00",
    "mac long": lambda: DATA + STATUS + tlv.encode(0x8E, MAC[2:] + b"\x00") + b"\x90\x00",
    "mac twice": lambda: DATA + STATUS + MAC + MAC + b"\x90\x00",
    "cryptogram missing": lambda: STATUS + MAC + b"\x90\x00",
    "status missing": lambda: reseal([DATA]),
    "status and data missing": lambda: reseal([]),
    "status short": lambda: reseal([DATA, b"\x99\x01\x90"]),
    "status differs": lambda: reseal([DATA, b"\x99\x02\x62\x82"]),
    "outer status differs": lambda: GOOD[:-2] + b"\x62\x82",
    "order changed": lambda: reseal([STATUS, DATA]),
    "mac first": lambda: MAC + DATA + STATUS + b"\x90\x00",
    "two cryptograms": lambda: reseal([DATA, DATA, STATUS]),
    "two kinds of cryptogram": lambda: reseal([DATA, b"\x85" + DATA[1:], STATUS]),
    "two status objects": lambda: reseal([DATA, STATUS, STATUS]),
    "unknown object": lambda: reseal([b"\x81\x01\xaa", STATUS]),
    "unknown object before": lambda: reseal([b"\x81\x01\xaa", DATA, STATUS]),
    "padding indicator": lambda: reseal([DATA[:2] + b"\x02" + DATA[3:], STATUS]),
    "no padding indicator": lambda: reseal([b"\x87\x00", STATUS]),
    "empty cryptogram": lambda: reseal([b"\x87\x01\x01", STATUS]),
    "empty odd cryptogram": lambda: reseal([b"\x85\x00", STATUS]),
    "half a block": lambda: reseal([tlv.encode(0x87, DATA[2:-1]), STATUS]),
    "wrong padding": lambda: reseal([tlv.encode(0x87, b"\x01" + bytes(16)), STATUS]),
    "garbage": lambda: b"\xff\xff\xff" + b"\x90\x00",
    "old counter": lambda: answer(Suite.AES_128, 1, b"hello"),
    "counter ahead": lambda: answer(Suite.AES_128, 3, b"hello"),
    "other keys": lambda: answer(Suite.AES_128, 2, b"hello", ks_mac=b"\x01" * 16),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_answer_ends_the_session(fault: str) -> None:
    messaging = awaiting()
    with pytest.raises(SecureMessagingError) as caught:
        messaging.open(Response.parse(BROKEN[fault]()))
    assert caught.value.code == "card.secure_messaging"
    assert not messaging.is_open
    with pytest.raises(SecureMessagingError):
        messaging.protect(READ)
    with pytest.raises(SecureMessagingError):
        messaging.open(Response.parse(GOOD))


@pytest.mark.parametrize("octet", range(len(GOOD)))
def test_every_flipped_bit_ends_the_session(octet: int) -> None:
    for bit in range(8):
        changed = bytearray(GOOD)
        changed[octet] ^= 1 << bit
        messaging = awaiting()
        with pytest.raises(SecureMessagingError):
            messaging.open(Response.parse(bytes(changed)))
        assert not messaging.is_open


def test_an_answer_is_taken_once() -> None:
    messaging = awaiting()
    messaging.open(Response.parse(GOOD))
    with pytest.raises(SecureMessagingError):
        messaging.open(Response.parse(GOOD))


def test_one_command_at_a_time() -> None:
    messaging = awaiting()
    with pytest.raises(SecureMessagingError):
        messaging.protect(READ)
    assert not messaging.is_open


@pytest.mark.parametrize("suite", [Suite.DES3, Suite.AES_128])
def test_counter_never_wraps(suite: Suite) -> None:
    keys = bytes(suite.key_size)
    last = SecureMessaging(suite, keys, keys, b"\xff" * suite.block_size)
    with pytest.raises(SecureMessagingError) as caught:
        last.protect(READ)
    assert "run out" in str(caught.value)
    assert not last.is_open
    almost = SecureMessaging(suite, keys, keys, b"\xff" * (suite.block_size - 1) + b"\xfe")
    almost.protect(READ)
    with pytest.raises(SecureMessagingError):
        almost.open(Response(b"", 0x9000))


def test_wipe_overwrites_the_keys() -> None:
    messaging = SecureMessaging(Suite.AES_128, b"E" * 16, b"M" * 16, bytes(16))
    messaging.wipe()
    assert not messaging._ks_enc
    assert not messaging._ks_mac
    assert not messaging.is_open
    messaging.wipe()


def test_keys_are_not_shown_nor_copied() -> None:
    messaging = SecureMessaging(Suite.AES_128, b"E" * 16, b"M" * 16, bytes(16))
    shown = repr(messaging) + str(messaging) + f"{messaging}"
    assert shown == "<SecureMessaging AES-128, open>" * 3
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(messaging, protocol)
    for copying in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(messaging)
    assert not hasattr(messaging, "__dict__")
    messaging.wipe()
    assert repr(messaging) == "<SecureMessaging AES-128, ended>"


@pytest.mark.parametrize(
    ("ks_enc", "ks_mac", "ssc"),
    [
        (bytes(15), bytes(16), bytes(16)),
        (bytes(16), bytes(24), bytes(16)),
        (bytes(16),) * 2 + (bytes(8),),
    ],
)
def test_keys_must_fit(ks_enc: bytes, ks_mac: bytes, ssc: bytes) -> None:
    with pytest.raises(ValueError, match=r"keys|counter"):
        SecureMessaging(Suite.AES_128, ks_enc, ks_mac, ssc)


def test_a_bare_command_is_only_a_head_under_its_mac() -> None:
    protected = session().protect(Command(0x00, 0x44, 0, 0))
    counter = (1).to_bytes(16, "big")
    mac = sm_mac(Suite.AES_128, bytes(16), counter, bytes.fromhex("0C440000"))
    assert protected.data == tlv.encode(0x8E, mac)
