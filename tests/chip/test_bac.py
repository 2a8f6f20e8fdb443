"""BAC against the worked example of 9303-11 D, and against chips that answer wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eid.chip import bac
from eid.chip.access import MrzKey
from eid.chip.apdu import Command, Response
from eid.chip.crypto import Suite, encrypt, mac
from eid.errors import AccessDenied, CardError, ProtocolError, StatusError

VECTORS = Path(__file__).parents[1] / "vectors" / "emrtd"
D = json.loads((VECTORS / "icao-9303-11-examples.json").read_text())["D_bac"]
KEY = MrzKey(
    document_number=D["document_number"], birth=D["date_of_birth"], expiry=D["date_of_expiry"]
)
CHALLENGE, PROOF = (bytes.fromhex(apdu["response"]) for apdu in D["apdus"])


def drawn() -> Callable[[int], bytes]:
    queue = [bytes.fromhex(D["rnd_ifd"]), bytes.fromhex(D["k_ifd"])]
    return lambda _: queue.pop(0)


def run(*answers: bytes) -> list[Command]:
    sent: list[Command] = []
    script = iter(answers)

    def exchange(command: Command) -> Response:
        sent.append(command)
        return Response.parse(next(script))

    run.session = bac.establish(exchange, KEY, rng=drawn())  # type: ignore[attr-defined]
    return sent


def test_published_run() -> None:
    sent = run(CHALLENGE, PROOF)
    assert sent[0].encode().hex().upper() == D["apdus"][0]["command"]
    assert sent[1].encode().hex().upper().startswith(D["apdus"][1]["command"][:90])
    session = run.session  # type: ignore[attr-defined]
    assert bytes(session._ks_enc).hex().upper() == D["ks_enc"]
    assert bytes(session._ks_mac).hex().upper() == D["ks_mac"]
    assert f"{session._ssc:016X}" == D["ssc"]
    assert session.suite is Suite.DES3


def test_keys() -> None:
    assert [key.hex().upper() for key in bac.derive_keys(KEY)] == [D["k_enc"], D["k_mac"]]


def test_chip_that_takes_no_length_but_zero() -> None:
    sent = run(CHALLENGE, b"\x67\x00", PROOF)
    assert [command.le for command in sent] == [8, 40, 256]
    assert sent[1].data == sent[2].data


def signed(plain: bytes) -> bytes:
    k_enc, k_mac = bac.derive_keys(KEY)
    body = encrypt(Suite.DES3, k_enc, plain)
    return body + mac(Suite.DES3, k_mac, body) + b"\x90\x00"


RND_IC, RND_IFD = bytes.fromhex(D["rnd_ic"]), bytes.fromhex(D["rnd_ifd"])
K_IC = bytes.fromhex(D["k_ic"])


@pytest.mark.parametrize(
    "proof",
    [
        bytes([PROOF[0] ^ 1]) + PROOF[1:],
        PROOF[:39] + bytes([PROOF[39] ^ 1]) + PROOF[40:],
        signed(RND_IFD + RND_IC + K_IC),
        signed(RND_IC + bytes(8) + K_IC),
        signed(bytes(8) + RND_IFD + K_IC),
    ],
    ids=["cryptogram", "mac", "echoed", "other IFD", "other IC"],
)
def test_c_029_and_c_031_all_lies_look_alike(proof: bytes) -> None:
    """C-029, C-031: a wrong MAC and a wrong nonce give one and the same error."""
    with pytest.raises(AccessDenied) as caught:
        run(CHALLENGE, proof)
    assert caught.value.code == "access.wrong_password"
    assert caught.value.message == "The chip did not prove that it knows the MRZ."


@pytest.mark.parametrize("sw", ["6300", "6982", "6988", "6A88"])
def test_refused(sw: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        run(CHALLENGE, bytes.fromhex(sw))
    assert caught.value.facts["sw"] == int(sw, 16)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((b"\x6d\x00",), StatusError),
        ((CHALLENGE[1:],), ProtocolError),
        ((bytes(16) + b"\x90\x00",), ProtocolError),
        ((CHALLENGE, b"\x90\x00"), ProtocolError),
        ((CHALLENGE, PROOF[1:]), ProtocolError),
    ],
)
def test_wrong_lengths(answers: tuple[bytes, ...], error: type[CardError]) -> None:
    with pytest.raises(error):
        run(*answers)


def test_honest_answer_is_what_the_lies_differ_from() -> None:
    assert signed(RND_IC + RND_IFD + K_IC) == PROOF
