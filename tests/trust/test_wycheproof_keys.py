"""Wycheproof's key agreements and curves through our own door for public keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eid import ec
from eid.errors import FormatError
from eid.trust.public_keys import EcKey, parse_public_key

FOLDER = Path(__file__).parents[1] / "vectors" / "wycheproof_ec"
DEVIATIONS = {
    "no cofactor": "an absent cofactor passes where all other parameters are those of a known curve",
}
"""What Wycheproof calls invalid and we take."""


def load(name):
    return json.loads((FOLDER / f"{name}_test.json").read_text("utf-8"))["testGroups"]


def agree(case, curve):
    """The shared secret, or ``None`` where the key is refused: unreadable, or of another curve."""
    try:
        key = parse_public_key(bytes.fromhex(case["public"]))
    except FormatError:
        return None
    assert isinstance(key, EcKey)
    if key.curve.name != curve:
        return None
    private = int(case["private"], 16)
    return ec.ecdh(key.curve, private, key.point).hex()


@pytest.mark.parametrize("name", ["ecdh_secp256r1", "ecdh_brainpoolP256r1"])
def test_key_agreement(name):
    results = {"valid": 0, "invalid": 0, "acceptable": 0}
    deviations = set()
    for group in load(name):
        for case in group["tests"]:
            shared = agree(case, group["curve"])
            results[case["result"]] += 1
            if case["result"] == "valid":
                # Compressed points are never written by a card: refused, in every file alike.
                assert shared == case["shared"] or "Compressed" in "".join(case["flags"])
            elif shared is not None and case["result"] == "invalid":
                deviations.add(case["comment"])
            elif shared is not None:
                assert shared == case["shared"]
    assert deviations <= set(DEVIATIONS)
    assert results["valid"] > 300
    assert results["invalid"] > 50


def test_curves_of_prime_order():
    """Every curve on our list is theirs, parameter by parameter; the others are refused."""
    seen = set()
    (group,) = load("ec_prime_order_curves")
    for case in group["tests"]:
        p, a, b, gx, gy, n = (int(case[key], 16) for key in ("p", "a", "b", "gx", "gy", "n"))
        size = (p.bit_length() + 7) // 8
        base = b"\x04" + gx.to_bytes(size, "big") + gy.to_bytes(size, "big")
        try:
            curve = ec.from_explicit(p=p, a=a, b=b, g=base, n=n, h=int(case["h"]))
        except FormatError:
            seen.add(case["name"])
            continue
        assert curve.oid == case["oid"]
        with pytest.raises(FormatError):
            ec.from_explicit(p=p, a=a, b=b, g=base, n=n, h=2)
        with pytest.raises(FormatError):
            ec.from_explicit(p=p, a=a, b=b, g=base, n=n - 2, h=1)
    refused = {name for name in seen if name not in ec.CURVES}
    assert seen == refused
    assert "secp256k1" in refused
