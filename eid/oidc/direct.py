"""What programs call: the form, who calls, and the key that the call is bound to.

Token, PAR, revocation and introspection share these checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eid.errors import OAuthError
from eid.oidc.assertion import MAX_ASSERTION
from eid.oidc.client_auth import AuthenticatedClient, authenticate
from eid.oidc.dpop import Target, algorithms_of, proven_key
from eid.oidc.http import Parameters, Request
from eid.oidc.provider import Provider

LIMITS: Mapping[str, int] = {"client_assertion": MAX_ASSERTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An authenticated call; ``jkt`` is the thumbprint of the key that was proven, if any."""

    caller: AuthenticatedClient
    form: Parameters = field(repr=False)
    jkt: str | None = None


def receive_call(
    provider: Provider,
    request: Request,
    *,
    path: str,
    at: datetime,
    limits: Mapping[str, int] | None = None,
) -> Call:
    """The call; OAuthError ``invalid_request``, ``invalid_client`` or of the DPoP proof."""
    form = request.form(limits={**LIMITS, **(limits or {})})
    if form.repeated or form.overlong or request.query:
        raise OAuthError("invalid_request", "A parameter is repeated, too long or in the query.")
    endpoint = provider.settings.url(path)
    caller = authenticate(provider, request.authorization, form, endpoint=endpoint, at=at)
    target, allowed = Target(method="POST", url=endpoint), algorithms_of(caller.client)
    jkt = proven_key(provider, request, target, algorithms=allowed, at=at)
    return Call(caller=caller, form=form, jkt=jkt)
