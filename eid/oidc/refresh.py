"""Refresh tokens: rotated for ``basic`` clients, bound and kept for ``fapi2`` (contracts §7).

A successor is derived from the token that it follows, so that a retry within the grace gets the
same one though only hashes are stored: two different live successors cannot exist. Whatever
comes back later than that is stolen or copied, and its whole family dies (RFC 9700 §4.14.2).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from eid.errors import OAuthError
from eid.keys import JSON, encode_base64url
from eid.oidc.direct import Call
from eid.oidc.granted import Granted
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.issue import access_row, answer_with, is_open, refresh_row, token_event
from eid.oidc.payload import optional_text
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    """A refresh token that was found, in the hands of its own client."""

    token: str = field(repr=False)
    grant: Grant
    granted: Granted
    family: str
    scopes: Sequence[str]


def exchange(provider: Provider, call: Call, at: datetime) -> dict[str, JSON]:
    """The token response for a refresh token; ``invalid_grant`` or ``invalid_scope``."""
    token = call.form.get("refresh_token")
    if token is None:
        raise OAuthError("invalid_request", "The refresh_token is missing.")
    key = key_of(token) if is_handle(token) else b""
    live = provider.grants.get("refresh", key, at=at) if key else None
    if live is None:
        return _late(provider, call, token, key, at=at)
    shown = _judged(provider, call, token, live, at=at)
    if call.caller.client.profile == "fapi2":
        return _kept(provider, call, shown, at=at)
    return _rotated(provider, call, shown, at=at)


def successor_of(provider: Provider, token: str) -> str:
    """The one token that can follow this one."""
    message = b"eid-refresh-v1:" + token.encode()
    return encode_base64url(hmac.digest(provider.keys.refresh, message, "sha256"))


def _rotated(
    provider: Provider, call: Call, shown: _Presented, *, at: datetime
) -> dict[str, JSON]:
    access, successor = new_handle(provider.rng), successor_of(provider, shown.token)
    issue = [
        _access(provider, call, shown, access, at=at),
        refresh_row(
            shown.granted,
            successor,
            shown.family,
            jkt=call.jkt,
            until=shown.grant.expires_at,
        ),
    ]
    refreshed = token_event("token.refreshed", shown.granted, call.caller, at)
    used = provider.grants.consume(
        "refresh", shown.grant.key, at=at, issue=issue, events=[refreshed]
    )
    if used is None:
        return _late(provider, call, shown.token, shown.grant.key, at=at)
    answer = answer_with(provider, access, scopes=shown.scopes, jkt=call.jkt)
    return {**answer, "refresh_token": successor}


def _kept(provider: Provider, call: Call, shown: _Presented, *, at: datetime) -> dict[str, JSON]:
    """A new access token beside a refresh token that stays (FAPI 2.0 §5.3.2.1)."""
    access = new_handle(provider.rng)
    refreshed = token_event("token.refreshed", shown.granted, call.caller, at)
    issued = provider.grants.issue_beside(
        "refresh",
        shown.grant.key,
        at=at,
        issue=[_access(provider, call, shown, access, at=at)],
        events=[refreshed],
    )
    if not issued:
        _refuse()
    answer = answer_with(provider, access, scopes=shown.scopes, jkt=call.jkt)
    return {**answer, "refresh_token": shown.token}


def _late(
    provider: Provider, call: Call, token: str, key: bytes, *, at: datetime
) -> dict[str, JSON]:
    """A token that is not live: a retry within the grace, a replay, or nothing at all."""
    used = provider.grants.was_used("refresh", key) if key else None
    if used is None or used.family is None or used.used_at is None:
        _refuse()
    if _has_grace(provider, call, used, at=at):
        shown = _judged(provider, call, token, used, at=at)
        successor, access = successor_of(provider, token), new_handle(provider.rng)
        again = provider.grants.issue_beside(
            "refresh",
            key_of(successor),
            at=at,
            issue=[_access(provider, call, shown, access, at=at)],
            events=[token_event("token.refreshed_again", shown.granted, call.caller, at)],
        )
        if again:
            answer = answer_with(provider, access, scopes=shown.scopes, jkt=call.jkt)
            return {**answer, "refresh_token": successor}
    return _revoke(provider, call, used, "refresh.replayed", at=at)


def _has_grace(provider: Provider, call: Call, used: Grant, *, at: datetime) -> bool:
    """Whether this may be an honest retry: soon, the same client, the same key, and one of both."""
    client, granted = call.caller.client, Granted.from_json(used.payload)
    grace = provider.settings.refresh_grace_s
    age = int(at.timestamp()) - int(used.used_at.timestamp()) if used.used_at else grace
    return (
        0 <= age < grace
        and granted.request.client_id == client.client_id
        and optional_text(used.payload, "jkt") == call.jkt
        and not (client.is_public and call.jkt is None)
    )


def _judged(
    provider: Provider, call: Call, token: str, grant: Grant, *, at: datetime
) -> _Presented:
    """The token in the hands of its own client, with its own key, for an account as it was."""
    granted = Granted.from_json(grant.payload)
    if granted.request.client_id != call.caller.client.client_id or grant.family is None:
        _revoke(provider, call, grant, "refresh.misused", at=at)
    if optional_text(grant.payload, "jkt") != call.jkt:
        _refuse()
    account = provider.accounts.by_id(granted.account_id)
    if account is None or not is_open(account.state) or account.version != granted.version:
        _revoke(provider, call, grant, "refresh.outdated", at=at)
    if call.form.get("resource") not in {None, granted.request.resource}:
        raise OAuthError("invalid_target", "The token was not granted for this resource.")
    return _Presented(
        token=token,
        grant=grant,
        granted=granted,
        family=grant.family,
        scopes=_narrowed(call.form.get("scope"), granted.request.scopes),
    )


def _narrowed(asked: str | None, granted: Sequence[str]) -> Sequence[str]:
    """The scopes of the new access token: never more than were agreed to (RFC 6749 §6)."""
    if asked is None:
        return granted
    wanted = asked.split()
    if not set(wanted) <= set(granted):
        raise OAuthError("invalid_scope", "A scope was asked for that was not granted.")
    return tuple(scope for scope in granted if scope in wanted)


def _access(
    provider: Provider, call: Call, shown: _Presented, access: str, *, at: datetime
) -> Grant:
    return access_row(
        provider,
        shown.granted,
        access,
        shown.family,
        scopes=shown.scopes,
        jkt=call.jkt,
        at=at,
    )


def _revoke(provider: Provider, call: Call, grant: Grant, kind: str, *, at: datetime) -> NoReturn:
    """End the family, leave a record, and refuse."""
    event = token_event(kind, Granted.from_json(grant.payload), call.caller, at)
    provider.grants.revoke_family(str(grant.family), at=at, events=[event])
    _refuse()


def _refuse() -> NoReturn:
    raise OAuthError("invalid_grant", "The refresh token is unknown, used or too old.")
