"""The verifier in the browser answers every case as the one in Python does."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from eid.errors import EidError
from eid.qr import base45, envelope
from eid.qr.credential import verify_credential
from eid.qr.issuers import IssuerKey, IssuerKeys

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "qr" / "verifier.json").read_text()
)
RUN = (Path(__file__).parent / "run_vectors.js").read_text()
EMPTY = {"findings": [], "unknown": [], "portrait": None, "freshness": None}


def outcomes(page, cases):
    return page.evaluate(RUN, {"keys": VECTORS["keys"], "cases": cases})


def test_every_shared_vector(desk):
    cases = VECTORS["cases"]
    differing = {}
    for case, found in zip(cases, outcomes(desk.page, cases), strict=True):
        expected = {name: case[name] for name in ("accepted", "refused") if name in case}
        if case["kind"] == "credential" and "accepted" in expected:
            expected = {"accepted": {**EMPTY, **expected["accepted"]}}
        if found != expected:
            differing[case["name"]] = (expected, found)
    assert differing == {}


def test_damaged_codes_are_refused_for_the_same_reason(desk):
    """Changed at random, before and behind the compression, compared with the Python verifier."""
    rng = random.Random(169)
    names = ("identity of twelve fields, eddsa", "odd shapes", "portrait, es256")
    whole = [case["input"] for case in VECTORS["cases"] if case["name"] in names]
    texts = [damaged(rng.choice(whole), rng) for _ in range(300)]
    base = {"kind": "credential", "keys": ["es256", "eddsa"], "at": VECTORS["cases"][0]["at"]}
    found = outcomes(desk.page, [{**base, "input": text} for text in texts])
    expected = [in_python(text, base["at"]) for text in texts]
    assert [one.get("refused") for one in found] == expected
    assert len(set(expected)) >= 6


def damaged(text, rng):
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        return text[:at] + rng.choice(base45.ALPHABET) + text[at + 1 :]
    message = bytearray(envelope.unpack(text))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        action, at = rng.randrange(3), rng.randrange(len(message))
        if action == 0:
            message[at] = rng.randrange(256)
        elif action == 1:
            del message[at]
        else:
            message.insert(at, rng.randrange(256))
    return envelope.pack(bytes(message))


def in_python(text, at):
    keys = []
    for name in ("es256", "eddsa"):
        entry = VECTORS["keys"][name]
        keys.append(
            IssuerKey(
                issuer=entry["issuer"],
                kid=bytes.fromhex(entry["kid"]),
                public_key=public_key(bytes.fromhex(entry["key"])),
            )
        )
    try:
        verify_credential(text, IssuerKeys.of(keys), at=datetime.fromtimestamp(at, tz=UTC))
    except EidError as refusal:
        return refusal.code
    return None


def public_key(raw):
    if len(raw) == 32:
        return Ed25519PublicKey.from_public_bytes(raw)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
