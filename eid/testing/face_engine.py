"""A fake face engine: signs whatever result a test asks for, as a certified one would.

It compares nothing. Its key is its own; an installation that trusts it trusts nobody.

>>> from datetime import UTC, datetime
>>> from eid.levels.factors.face import FaceTask, face_factor
>>> at = datetime(2026, 11, 21, tzinfo=UTC)
>>> task = FaceTask(audience="https://id.example", transaction_id="t1", dg2_digest=bytes(32))
>>> engine = FaceEngine.create()
>>> face_factor(engine(task, b"", at=at), engine.keys, task, issuer=engine.issuer, at=at).kind
'inherence'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eid.keys import JSON, JwkSet, SigningKey, encode_base64url, sign_jwt
from eid.levels.factors.face import FACE_TYPE, FaceTask


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEngine:
    """Implements :class:`eid.levels.factors.face.FaceMatcher`; ``score`` is what it answers."""

    key: SigningKey = field(repr=False)
    issuer: str = "https://face.test.example"
    score: float = 0.99
    threshold: float = 0.9
    liveness: str = "fictional certificate"

    @classmethod
    def create(cls, *, score: float = 0.99) -> FaceEngine:
        """An engine with a new key."""
        return cls(key=SigningKey.generate("face"), score=score)

    @property
    def keys(self) -> JwkSet:
        """What a verifier that trusts this engine holds."""
        return JwkSet.of(self.key)

    def __call__(self, task: FaceTask, portrait: bytes, *, at: datetime) -> str:
        """The signed result for this transaction and portrait."""
        del portrait
        claims: dict[str, JSON] = {
            "iss": self.issuer,
            "aud": task.audience,
            "txn": task.transaction_id,
            "dg2": encode_base64url(task.dg2_digest),
            "score": self.score,
            "threshold": self.threshold,
            "liveness": self.liveness,
            "iat": int(at.timestamp()),
            "exp": int((at + timedelta(minutes=3)).timestamp()),
        }
        return sign_jwt(claims, self.key, typ=FACE_TYPE)
