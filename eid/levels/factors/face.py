"""The face port: a match made by somebody's certified engine, signed and bound (contracts §6).

This library compares no faces. A result is believed only when its maker signed it for this
transaction and this portrait, with a threshold and a certificate of liveness, at most three
minutes ago (rows L-015, L-009).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from eid.errors import EidError, RequestRefused, Unavailable
from eid.keys import JwkSet, encode_base64url, verify_jwt
from eid.levels.assurance import Factor

FACE_TYPE = "eid-face-result+jwt"
MAX_AGE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTask:
    """What a result must be about: our own transaction, and the portrait of the verified chip."""

    audience: str
    transaction_id: str
    dg2_digest: bytes

    def __post_init__(self) -> None:
        if len(self.dg2_digest) != 32 or not self.transaction_id:
            raise ValueError("a task names a transaction and a SHA-256 of DG2")


class FaceMatcher(Protocol):
    """Compares the person before the camera with a portrait; answers a signed result (JWS)."""

    def __call__(self, task: FaceTask, portrait: bytes, *, at: datetime) -> str:
        """The signed result; Unavailable when there is no engine."""


def no_face_matcher(task: FaceTask, portrait: bytes, *, at: datetime) -> str:
    """The default: none. Levels that need a face are not reached by it."""
    del task, portrait, at
    raise Unavailable("No face matcher is installed.", code="face.none")


def face_factor(token: str, keys: JwkSet, task: FaceTask, *, issuer: str, at: datetime) -> Factor:
    """The factor of a signed result; RequestRefused ``face`` for anything that does not hold.

    Members: ``iss`` (the engine), ``aud``, ``txn``, ``dg2`` (base64url of the SHA-256), ``score``
    and ``threshold`` (numbers, the score reaches it), ``liveness`` (the certificate's name),
    ``iat`` and ``exp``. A caller uses a transaction once.
    """
    try:
        claims = verify_jwt(
            token, keys, typ=FACE_TYPE, issuer=issuer, audience=task.audience, at=at
        )
    except EidError as error:
        raise _refused() from error
    bound = hmac.compare_digest(
        str(claims.get("txn")).encode(), task.transaction_id.encode()
    ) and hmac.compare_digest(
        str(claims.get("dg2")).encode(), encode_base64url(task.dg2_digest).encode()
    )
    made = claims.get("iat")
    score, threshold = claims.get("score"), claims.get("threshold")
    numbers = _is_number(score) and _is_number(threshold)
    certified = isinstance(claims.get("liveness"), str) and claims["liveness"]
    if not (bound and numbers and certified and type(made) is int):
        raise _refused()
    if float(str(score)) < float(str(threshold)):
        raise RequestRefused("The face is not the holder's.", code="face.no_match")
    matched = datetime.fromtimestamp(int(str(made)), UTC)
    if not timedelta(seconds=-60) <= at - matched <= MAX_AGE:
        raise _refused()
    return Factor.of("face", matched)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _refused() -> RequestRefused:
    return RequestRefused("The result of the face match does not hold.", code="face")
