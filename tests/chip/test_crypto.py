"""Derivation, ciphers and MACs against published numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eid.chip.crypto import (
    KDF_ENC,
    KDF_MAC,
    KDF_PASSWORD,
    Suite,
    decrypt,
    encrypt,
    kdf,
    mac,
    pad,
    sm_iv,
    sm_mac,
    unpad,
)
from eid.errors import FormatError

VECTORS = Path(__file__).parents[1] / "vectors"
ICAO = json.loads((VECTORS / "emrtd" / "icao-9303-11-examples.json").read_text())
TR = json.loads((VECTORS / "emrtd" / "tr-03110-eac-examples.json").read_text())


def hexa(text: str) -> bytes:
    return bytes.fromhex(text)


def test_kdf_3des() -> None:
    bac = ICAO["D_bac"]
    seed = hexa(bac["k_seed"])
    assert kdf(seed, KDF_ENC, Suite.DES3) == hexa(bac["k_enc"])
    assert kdf(seed, KDF_MAC, Suite.DES3) == hexa(bac["k_mac"])


def test_kdf_aes() -> None:
    pace = ICAO["G1_pace_ecdh_gm"]
    secret = hexa(pace["shared_secret"])
    assert kdf(secret, KDF_ENC, Suite.AES_128) == hexa(pace["ks_enc"])
    assert kdf(secret, KDF_MAC, Suite.AES_128) == hexa(pace["ks_mac"])
    password = hexa(pace["sha1_of_mrz_information"])
    assert kdf(password, KDF_PASSWORD, Suite.AES_128) == hexa(pace["k_pi"])


def test_kdf_lengths() -> None:
    assert [len(kdf(b"x", 1, suite)) for suite in Suite] == [16, 16, 24, 32]
    assert kdf(b"x", 1, Suite.AES_256)[:24] == kdf(b"x", 1, Suite.AES_192)


def test_bac_cryptogram_and_mac() -> None:
    bac = ICAO["D_bac"]
    plain = hexa(bac["rnd_ifd"] + bac["rnd_ic"] + bac["k_ifd"])
    sent = hexa(bac["apdus"][1]["command"])[5:-1]
    cryptogram = encrypt(Suite.DES3, hexa(bac["k_enc"]), plain)
    assert cryptogram == sent[:32]
    assert decrypt(Suite.DES3, hexa(bac["k_enc"]), cryptogram) == plain
    assert mac(Suite.DES3, hexa(bac["k_mac"]), cryptogram) == sent[32:]


def test_nonce() -> None:
    pace = ICAO["G1_pace_ecdh_gm"]
    nonce = decrypt(Suite.AES_128, hexa(pace["k_pi"]), hexa(pace["encrypted_nonce"]))
    assert nonce == hexa(pace["nonce_s"])


@pytest.mark.parametrize("run", ["ecdh", "dh"])
def test_secure_messaging_sample(run: str) -> None:
    sample = TR[run]
    if "a1" not in sample or len(sample["k_enc"]) != 32:
        pytest.fail("the sample has no secure messaging")
    k_enc, k_mac = hexa(sample["k_enc"]), hexa(sample["k_mac"])
    first, second = (1).to_bytes(16, "big"), (2).to_bytes(16, "big")
    iv = sm_iv(Suite.AES_128, k_enc, first)
    assert encrypt(Suite.AES_128, k_enc, pad(hexa(sample["d1"]), 16), iv=iv) == hexa(sample["e1"])
    assert sm_mac(Suite.AES_128, k_mac, second, hexa(sample["ad1"])) == hexa(sample["a1"])


def test_cmac_wycheproof() -> None:
    document = json.loads((VECTORS / "wycheproof_ec" / "aes_cmac_test.json").read_text())
    suites = {suite.key_size * 8: suite for suite in (Suite.AES_128, Suite.AES_192, Suite.AES_256)}
    seen = 0
    for group in document["testGroups"]:
        suite = suites.get(group["keySize"])
        for case in group["tests"] if suite else ():
            ours = mac(suite, hexa(case["key"]), hexa(case["msg"]))
            if case["result"] == "valid":
                assert ours == hexa(case["tag"])[:8], case["comment"]
                seen += 1
    assert seen > 50


@pytest.mark.parametrize("size", [*range(18), 31, 32, 33])
@pytest.mark.parametrize("block", [8, 16])
def test_padding(size: int, block: int) -> None:
    data = bytes(size)
    padded = pad(data, block)
    assert len(padded) % block == 0
    assert size < len(padded) <= size + block
    assert unpad(padded) == data


@pytest.mark.parametrize("data", [b"", bytes(16), b"\x81", b"\x80\x01", b"abc"])
def test_wrong_padding(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        unpad(data)
    assert caught.value.code == "crypto.padding"


@pytest.mark.parametrize("suite", list(Suite))
def test_broken_block(suite: Suite) -> None:
    with pytest.raises(FormatError) as caught:
        decrypt(suite, bytes(suite.key_size), bytes(suite.block_size - 1))
    assert caught.value.code == "crypto.cryptogram"


def test_iv() -> None:
    assert sm_iv(Suite.DES3, bytes(16), bytes(8)) == bytes(8)
    assert sm_iv(Suite.AES_128, bytes(16), bytes(16)).hex() == "66e94bd4ef8a2c3b884cfa59ca342b2e"
