"""The cases that the verifier in the browser passes too (tests/browser/test_verifier_vectors.py)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from eid.errors import EidError
from eid.qr.credential import CredentialPolicy, verify_credential
from eid.qr.issuers import Denied, IssuerKey, IssuerKeys
from eid.qr.presence import Asked, SeenInMemory, verify_presence
from eid.qr.status import StatusLists, verify_list
from eid.qr.trust_list import verify_trust_list

FILE = Path(__file__).parent.parent / "vectors" / "qr" / "verifier.json"
VECTORS = json.loads(FILE.read_text())


def key(name):
    entry = VECTORS["keys"][name]
    raw = bytes.fromhex(entry["key"])
    public = (
        Ed25519PublicKey.from_public_bytes(raw)
        if len(raw) == 32
        else ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    )
    denied = tuple(Denied(start=start, end=end) for start, end in entry.get("denied", []))
    return IssuerKey(
        issuer=entry["issuer"], kid=bytes.fromhex(entry["kid"]), public_key=public, denied=denied
    )


def moment(seconds):
    return datetime.fromtimestamp(seconds, tz=UTC)


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def credential(case, keys):
    policy, max_stale = case.get("policy", {}), stale(case)
    lists = None
    if "statuses" in case:
        held = [
            verify_list(
                bytes.fromhex(entry["list"]), keys, uri=entry["uri"],
                at=moment(min(case["at"], VECTORS["cases"][0]["at"])),
            )
            for entry in case["statuses"]
        ]  # fmt: skip
        lists = StatusLists.of(held, max_stale=max_stale)
    found = verify_credential(
        case["input"],
        keys,
        at=moment(case["at"]),
        policy=CredentialPolicy(
            max_age_s=policy.get("max_age_s"), require_status=policy.get("require_status", False)
        ),
        status=lists,
    )
    values = {name: getattr(found.identity, name) for name in found.identity.__dataclass_fields__}
    values.pop("biometrics")
    return {
        "identity": {name: plain(value) for name, value in values.items() if value is not None},
        "portrait": plain(found.identity.portrait),
        "findings": [[finding.code, finding.key] for finding in found.findings],
        "unknown": [str(name) for name in found.unknown],
        "freshness": found.status_answer.freshness if found.status_answer else None,
    }


def presence(case, keys):
    asked = Asked(**{**case["asked"], "challenge": bytes.fromhex(case["asked"]["challenge"])})
    at, seen = moment(case["at"]), SeenInMemory()
    for before in case.get("seen_before", []):
        verify_presence(before, keys, asked, at=at, seen=seen)
    found = verify_presence(case["input"], keys, asked, at=at, seen=seen)
    return {"subject": found.subject.hex(), "issuer": found.issuer}


def status_list(case, keys):
    found = verify_list(
        bytes.fromhex(case["input"]), keys, uri=case["uri"], at=moment(case["at"]),
        max_stale=stale(case),
    )  # fmt: skip
    asked = case.get("accepted", {}).get("statuses", {})
    return {"statuses": {index: found.status(int(index)) for index in asked}}


def trust_list(case, keys):
    found = verify_trust_list(
        bytes.fromhex(case["input"]), keys, at=moment(case["at"]), max_stale=stale(case),
        held_version=case.get("held_version", 0),
    )  # fmt: skip
    listed = [
        [one.issuer, one.kid.hex(), [[window.start, window.end] for window in one.denied]]
        for one in found.keys.keys
    ]
    return {"version": found.edition.version, "keys": listed}


def stale(case):
    return timedelta(seconds=case.get("policy", {}).get("max_stale_s", 0))


RUN = {
    "credential": credential,
    "presence": presence,
    "status_list": status_list,
    "trust_list": trust_list,
}
EMPTY = {"findings": [], "unknown": [], "portrait": None, "freshness": None}


def outcome(case):
    keys = IssuerKeys.of(key(name) for name in case["keys"])
    try:
        return {"accepted": RUN[case["kind"]](case, keys)}
    except EidError as refusal:
        return {"refused": refusal.code}


def test_names_are_unique():
    names = [(case["kind"], case["name"]) for case in VECTORS["cases"]]
    assert len(names) == len(set(names)) >= 300


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_verifier_vector(case):
    expected = {name: case[name] for name in ("accepted", "refused") if name in case}
    if case["kind"] == "credential" and "accepted" in expected:
        expected = {"accepted": {**EMPTY, **expected["accepted"]}}
    assert outcome(case) == expected
