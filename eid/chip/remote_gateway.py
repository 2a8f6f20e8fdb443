"""A sample adapter: a gateway that answers with a signed token (contracts §1).

The request is JSON with the question's digests and the files that the gateway needs. The answer
is a JWS of type ``eid-remote-verdict+jwt`` by a pinned key: ``iss``, ``aud``, ``iat``, ``exp``,
``nonce``, ``sod``, ``data_groups`` and ``verdict``. How bytes travel is the caller's ``post``: it
must keep its own deadline and raise ``Unavailable``. A gateway with another wire form needs
another adapter of this size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from eid.chip.evidence import Evidence
from eid.chip.lds.files import FILES
from eid.chip.remote import RemoteQuery, RemoteReply, Word
from eid.errors import FormatError
from eid.keys import JSON, JwkSet, decode_base64url, encode_base64url, verify_jwt

TYP: Final = "eid-remote-verdict+jwt"
SHARED: Final = ("EF.SOD", "EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15")
"""What is sent along by default: not the portrait."""
_MAX_REPLY: Final = 32 * 1024
_WORDS: Final[Mapping[str, Word]] = MappingProxyType(
    {"genuine": "genuine", "refused": "refused", "undecided": "undecided"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedGateway:
    """A remote verifier behind ``post``: JSON bytes out, token bytes in."""

    post: Callable[[bytes], bytes] = field(repr=False)
    keys: JwkSet
    issuer: str
    audience: str
    clock: Callable[[], datetime]
    share: Collection[str] = SHARED

    def ask(self, query: RemoteQuery, evidence: Evidence) -> RemoteReply:
        """Ask and authenticate. Raises ``Unavailable``, ``FormatError`` or the token's error."""
        token = self.post(request_body(query, evidence, share=self.share))
        if len(token) > _MAX_REPLY:
            raise FormatError("The answer is too long.", code="remote.size")
        claims = verify_jwt(
            token.decode("ascii", "replace").strip(),
            self.keys,
            typ=TYP,
            issuer=self.issuer,
            audience=self.audience,
            at=self.clock(),
        )
        return _reply(claims, self.issuer)


def request_body(query: RemoteQuery, evidence: Evidence, *, share: Collection[str]) -> bytes:
    """The question as JSON, with the files that may be shared."""
    files = {name: data for name, data in evidence.files.items() if name in share}
    document = {
        "nonce": encode_base64url(query.nonce),
        "sod": encode_base64url(query.sod_digest),
        "data_groups": {n: encode_base64url(d) for n, d in query.data_groups.items()},
        "files": {name: encode_base64url(data) for name, data in files.items()},
    }
    return json.dumps(document, sort_keys=True).encode("ascii")


def _reply(claims: Mapping[str, JSON], issuer: str) -> RemoteReply:
    word = claims.get("verdict")
    data_groups = claims.get("data_groups")
    issued = claims.get("iat")
    known = _WORDS.get(word) if isinstance(word, str) else None
    if known is None or not isinstance(data_groups, Mapping) or not isinstance(issued, int):
        raise FormatError("The answer lacks a claim.", code="remote.claims")
    if not set(data_groups) <= set(FILES):
        raise FormatError("The answer names unknown files.", code="remote.claims")
    return RemoteReply(
        by=issuer,
        word=known,
        nonce=_octets(claims.get("nonce")),
        sod_digest=_octets(claims.get("sod")),
        data_groups=MappingProxyType({name: _octets(text) for name, text in data_groups.items()}),
        answered_at=datetime.fromtimestamp(issued, tz=UTC),
    )


def _octets(value: JSON) -> bytes:
    if not isinstance(value, str):
        raise FormatError("The answer lacks a claim.", code="remote.claims")
    return decode_base64url(value)
