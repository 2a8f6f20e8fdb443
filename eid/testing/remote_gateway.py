"""A gateway of the fictional state: knows which cards it issued, and misbehaves as real ones do.

>>> from datetime import UTC, datetime
>>> gateway = FakeGateway.create(clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
>>> gateway.faults = ("down",)
>>> gateway.post(b"{}")
Traceback (most recent call last):
    ...
eid.errors.Unavailable: The gateway does not answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from eid.chip.lds.template import trimmed
from eid.chip.remote_gateway import TYP, SignedGateway
from eid.errors import Unavailable
from eid.keys import JSON, JwkSet, SigningKey, encode_base64url, sign_jwt
from eid.testing.card_image import CardImage

Fault = Literal[
    "slow", "down", "garbage", "huge", "wrong_nonce", "old", "other_card", "other_key", "undecided"
]
ISSUER: Final = "https://gateway.example"
AUDIENCE: Final = "https://bank.example"
_OLD: Final = timedelta(hours=2)


@dataclass(slots=True, kw_only=True)
class FakeGateway:
    """``faults`` may be changed at any time; ``asked`` counts the questions."""

    key: SigningKey
    clock: Callable[[], datetime]
    issued: set[bytes] = field(default_factory=set)
    blocked: set[bytes] = field(default_factory=set)
    faults: tuple[Fault, ...] = ()
    asked: int = 0

    @classmethod
    def create(cls, *, clock: Callable[[], datetime]) -> FakeGateway:
        """A gateway with a key of its own that knows no card yet."""
        return cls(key=SigningKey.generate("gateway"), clock=clock)

    def adapter(self) -> SignedGateway:
        """The library's side of it, with this gateway's key pinned."""
        return SignedGateway(
            post=self.post,
            keys=JwkSet.of(self.key),
            issuer=ISSUER,
            audience=AUDIENCE,
            clock=self.clock,
        )

    def issue(self, image: CardImage) -> None:
        """Let the gateway know this card."""
        self.issued.add(_sod_digest(image))

    def block(self, image: CardImage) -> None:
        """The state's own record says that this card is no longer good."""
        self.blocked.add(_sod_digest(image))

    def post(self, body: bytes) -> bytes:
        """Answer one request, or fail as asked."""
        self.asked += 1
        if "down" in self.faults or "slow" in self.faults:
            code = "remote.timeout" if "slow" in self.faults else "remote.down"
            raise Unavailable("The gateway does not answer.", code=code)
        if "garbage" in self.faults:
            return b"<html>502 Bad Gateway</html>"
        if "huge" in self.faults:
            return b"e" * (1 << 20)
        return sign_jwt(self._claims(json.loads(body)), self._signing_key(), typ=TYP).encode()

    def _signing_key(self) -> SigningKey:
        return SigningKey.generate("evil") if "other_key" in self.faults else self.key

    def _claims(self, question: dict[str, JSON]) -> dict[str, JSON]:
        now = self.clock()
        issued_at = now - _OLD if "old" in self.faults else now
        sod, nonce = question["sod"], question["nonce"]
        if "wrong_nonce" in self.faults:
            nonce = encode_base64url(bytes(16))
        if "other_card" in self.faults:
            sod = encode_base64url(hashlib.sha256(b"another card").digest())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(issued_at.timestamp()),
            "exp": int(now.timestamp()) + 300,
            "nonce": nonce,
            "sod": sod,
            "data_groups": question["data_groups"],
            "verdict": self._word(question["sod"]),
        }

    def _word(self, sod: JSON) -> str:
        if "undecided" in self.faults:
            return "undecided"
        good = {encode_base64url(digest) for digest in self.issued - self.blocked}
        return "genuine" if sod in good else "refused"


def _sod_digest(image: CardImage) -> bytes:
    return hashlib.sha256(trimmed(image.files["EF.SOD"])).digest()
