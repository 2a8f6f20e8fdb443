import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eid.qr import cbor, cose, envelope
from eid.qr.claim169 import Identity
from eid.qr.issue import Terms, issue
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.signers import SoftwareSigner

VECTORS = Path(__file__).parent.parent / "vectors" / "qr"
ISSUER = "https://id.example.vn"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """One issuer with its key, and everything that tests forge with it."""

    signer: SoftwareSigner
    keys: IssuerKeys
    now: datetime = NOW
    issuer: str = ISSUER

    def terms(self, **changes: object) -> Terms:
        values = {
            "issuer": ISSUER,
            "issued_at": NOW,
            "expires_at": NOW + timedelta(days=180),
            "subject": bytes(range(16)),
        }
        return Terms(**{**values, **changes})

    def issue(self, identity: Identity, **changes: object) -> str:
        return issue(identity, self.terms(**changes), self.signer)

    def claims(self, **changes: object) -> dict:
        """A valid claims set as a map; keyword names are ``k<number>``, ``None`` removes."""
        now = int(NOW.timestamp())
        claims = {1: ISSUER, 4: now + 3600, 5: now, 6: now, 169: {4: "NGUYEN VAN THU"}}
        claims.update({int(key[1:]): value for key, value in changes.items()})
        return {key: value for key, value in claims.items() if value is not None}

    def forge(
        self,
        *,
        payload: bytes | None = None,
        protected: bytes | None = None,
        unprotected: dict | None = None,
        signature: bytes | None = None,
        wrap: Callable[[bytes], bytes] = bytes,
        **claims: object,
    ) -> str:
        """A text signed by the issuer's own key, with any part replaced."""
        if payload is None:
            payload = cbor.encode(self.claims(**claims))
        if protected is None:
            protected = cbor.encode({1: self.signer.alg, 4: self.signer.kid})
        if signature is None:
            signed = cbor.encode(["Signature1", protected, b"", payload])
            signature = self.signer.sign(signed)
        message = cbor.encode(cbor.Tag(18, [protected, unprotected or {}, payload, signature]))
        return envelope.pack(wrap(message))


def _world(private_key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> World:
    signer = SoftwareSigner.of(private_key)
    return World(signer, IssuerKeys.of([IssuerKey.of(ISSUER, signer.public_key)]))


P256 = ec.derive_private_key(0x1F2E3D4C5B6A79881726354433221100AABBCCDD, ec.SECP256R1())
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(params=["ES256", "EdDSA"])
def world(request: pytest.FixtureRequest) -> World:
    return _world(P256 if request.param == "ES256" else ED25519)


@pytest.fixture
def es256() -> World:
    return _world(P256)


@pytest.fixture
def eddsa() -> World:
    return _world(ED25519)


@pytest.fixture
def identity() -> Identity:
    """The twelve-field identity of tests/vectors/qr/identity.json."""
    raw = json.loads((VECTORS / "identity.json").read_text())
    for name in ("birth_date", "issue_date"):
        raw[name] = date.fromisoformat(raw[name])
    return Identity(**raw)


@pytest.fixture
def vectors() -> Path:
    return VECTORS
