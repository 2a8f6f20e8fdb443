"""Why a request was refused: kept for the operator by its correlation id, never sent back.

The page or the answer carries only the id. What stands in the record says which rule was broken,
what was registered and what came instead; no secret, no token, no personal data.

>>> advice("secret")
'The client secret is wrong. Rotate it with "eid client rotate-secret" and enter the new one.'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eid.errors import EidError, OAuthError, Unavailable
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider

PATHS = frozenset({"/authorize", "/token", "/par", "/revoke", "/introspect", "/logout"})
MAX_FACT = 300
MAX_CLIENT = 128
_FACTS = ("reason", "received", "registered")
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "unknown": 'No client has this client_id. Compare it with "eid client list".',
        "disabled": "The client is disabled; an operator did that on purpose.",
        "not_served": "The client belongs to another legal entity; enter its eid_legal_basis.",
        "method": "The client authenticates by another method than it is registered for.",
        "secret": 'The client secret is wrong. Rotate it with "eid client rotate-secret" '
        "and enter the new one.",
        "assertion": "The client assertion is not valid: check its key, aud, exp, iss, sub, jti "
        "(used once) and the machine's clock.",
        "client_keys": "The keys behind the client's jwks_uri could not be had: it must answer within "
        "seconds, by https, from a public address or one of outbound_hosts.",
        "credentials": "The credentials are missing, malformed, or come in two ways at once.",
        "redirect_uri": "The redirect_uri is not, character by character, a registered one.",
        "invalid_grant": "The code or refresh token was used before, is too old, or belongs to "
        "another client, redirect_uri, code_verifier or DPoP key.",
        "invalid_dpop_proof": "The DPoP proof does not hold: check htm, htu, iat, jti, ath.",
        "use_dpop_nonce": "Normal: the client repeats the call with the nonce of the answer.",
        "invalid_request_object": "The signed request is not valid: check key, iss, aud, exp, nbf.",
        "invalid_request_uri": "The pushed request was used, has expired, or is another client's.",
        "invalid_scope": "A scope is asked for that the client is not registered for.",
        "invalid_target": "The resource is not among the client's eid_resources.",
        "unmet_authentication_requirements": "The essential acr cannot be reached by this person.",
        "login_required": "prompt=none, and there is no session that suffices.",
        "consent_required": "prompt=none, and the person has not agreed to this before.",
        "unauthorized_client": "The client is not registered for this grant, is disabled, or "
        "belongs to another legal entity without a legal basis.",
    }
)


def record_refusal(provider: Provider, path: str, error: EidError, correlation: str) -> None:
    """Leave a row about a refusal at an endpoint that relying parties call.

    A database that is down must not hide the first error.
    """
    if path not in PATHS or not isinstance(error, OAuthError):
        return
    facts = {name: str(error.facts[name])[:MAX_FACT] for name in _FACTS if name in error.facts}
    event = AuditEvent(
        kind="request.refused",
        at=provider.clock(),
        client=_named(error),
        detail={
            **facts,
            "correlation": correlation,
            "path": path,
            "error": error.error,
            "description": error.description,
        },
    )
    try:
        provider.grants.record([event])
    except Unavailable:
        return


def _named(error: OAuthError) -> str | None:
    """Who it says that it is; nobody's id is longer, and a column takes no NUL."""
    named = error.facts.get("client")
    return None if named is None else _printable(str(named))[:MAX_CLIENT]


def advice(*codes: str | None) -> str:
    """What the developer of a relying party can do, by the first code that is known."""
    known = (code for code in codes if code in _ADVICE)
    found = next(known, None)
    return "The description says what is wrong." if found is None else _ADVICE[found]


def explained(refused: AuditEvent) -> tuple[str, ...]:
    """The lines that tell a service's developer what the record knows of a refusal.

    Some of it the sender chose: what would move a terminal's cursor or turn its text is shown as ?.
    """
    detail = refused.detail
    names = ("path", "error", "description", "reason", "received", "registered")
    lines = [f"{name}: {detail[name]}" for name in names if name in detail]
    lines.append(f"at: {refused.at.isoformat()}")
    if refused.client:
        lines.append(f"client: {refused.client}")
    lines.append(f"advice: {advice(detail.get('reason'), detail.get('error'))}")
    return tuple(map(_printable, lines))


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
