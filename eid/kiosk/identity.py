"""An enrolled kiosk as its server knows it: an id, and a revocable key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eid.chip.evidence import Evidence
from eid.keys import JSON, SigningKey, encode_base64url, sign_jwt

EVIDENCE_STATEMENT_TYP = "eid-kiosk-evidence+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``id`` and ``key`` of the kiosk, its server, and the server's key for what is sealed."""

    id: str
    issuer: str
    key: SigningKey = field(repr=False)
    server_jwk: Mapping[str, JSON] = field(repr=False)

    def statement(self, evidence: Evidence, jti: str, *, at: datetime) -> str:
        """That this kiosk read this evidence for this request (card login on a kiosk)."""
        claims: dict[str, JSON] = {
            "iss": self.id,
            "aud": self.issuer,
            "jti": jti,
            "evidence": encode_base64url(evidence.digest()),
            "iat": int(at.timestamp()),
            "exp": int(at.timestamp()) + 120,
        }
        return sign_jwt(claims, self.key, typ=EVIDENCE_STATEMENT_TYP)
