"""A login that has only begun: sealed into its own cookie, nothing is stored for it (contracts §7).

So whoever has shown nothing yet costs no write. What is sealed is the accepted request and the
moment at which it is over, for one login and one browser: it opens only with the id of the address
and the handle of the cookie that it was sealed for. It counts only while no row of the login was
ever there (:mod:`eid.oidc.session`); a used row outlives it, as it stays a day longer than it is
good for.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from eid.errors import FormatError
from eid.keys import Envelope, decode_base64url, encode_base64url
from eid.oidc.authorization import read_request, stored_request
from eid.oidc.handles import key_of
from eid.oidc.interaction import Interaction
from eid.oidc.provider import Provider

MAX_COOKIE = 1200
"""A cookie's value, handle and all: a usual request takes 450 to 650 bytes of it."""
MAX_COOKIES = 3000
"""All cookies of a request with the new one: proxies commonly take a header line of 4 KiB."""
_TIME = 8


def sealed(provider: Provider, interaction: Interaction, handle: str) -> str:
    """The beginning, for the cookie beside its handle.

    Never compressed: the length would tell of secrets beside what an attacker chose.
    """
    until = int(interaction.expires_at.timestamp()).to_bytes(_TIME)
    content = until + stored_request(interaction.request).encode()
    envelope, context = _envelope(provider, interaction.key, handle)
    return encode_base64url(envelope.seal(content, context=context, rng=provider.rng))


def opened(
    provider: Provider, interaction_id: str, handle: str, beginning: str, *, at: datetime
) -> Interaction | None:
    """The login that was sealed for this id and this handle, if its time is not over.

    Version 0: nothing is stored.
    """
    if not beginning or len(beginning) > MAX_COOKIE:
        return None
    envelope, context = _envelope(provider, key_of(interaction_id), handle)
    try:
        content = envelope.open(decode_base64url(beginning), context=context)
    except FormatError:
        return None
    until = int.from_bytes(content[:_TIME])
    if until <= int(at.timestamp()):
        return None
    return Interaction(
        id=interaction_id,
        request=read_request(content[_TIME:].decode()),
        cookie_hash=key_of(handle),
        expires_at=datetime.fromtimestamp(until, UTC),
        version=0,
    )


def _envelope(provider: Provider, key: bytes, handle: str) -> tuple[Envelope, bytes]:
    """A key for this login alone, as anybody may have any number of logins sealed; its context."""
    context = b"beginning:" + key + key_of(handle)
    return Envelope(hmac.digest(provider.keys.beginnings, context, "sha256")), context
