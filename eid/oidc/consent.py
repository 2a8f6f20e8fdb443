"""The person's yes: field by field before, and a code for the service after it.

>>> denied().error
'access_denied'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from eid.errors import OAuthError, Unavailable
from eid.keys import decode_base64url
from eid.levels.account import Account
from eid.levels.consent import Consent
from eid.levels.past import PastAssertion
from eid.oidc import session as sessions, sign_on
from eid.oidc.acr import answer, is_met
from eid.oidc.authorization import AuthorizationRequest, Reply, error_values, reply_to
from eid.oidc.claims import ClaimField, released
from eid.oidc.granted import Authentication, Granted
from eid.oidc.handles import key_of, new_handle
from eid.oidc.interaction import Interaction, event
from eid.oidc.login import account_of, assurance_of, client_of, standing
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.session import Session
from eid.oidc.sign_on import SignOn

if TYPE_CHECKING:
    from eid.levels.assurance import Source

PURPOSE = "log in"
UNNAMED_TEXT = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The end of a login: what the service is told, and the browser's new session, if any."""

    reply: Reply
    cookie: str | None = field(default=None, repr=False)


def requested_fields(request: AuthorizationRequest) -> tuple[ClaimField, ...]:
    """Every field that a yes would release, wherever it is delivered."""
    return released(request.scopes, request.claims.names)


def authentication_of(
    provider: Provider, interaction: Interaction, account: Account, *, at: datetime
) -> Authentication | None:
    """What the service would be told of this login; None if the essential level holds no more."""
    client = client_of(provider, interaction)
    worth = assurance_of(provider, interaction, account, at=at, consent=True)
    stands, prefix = standing(worth, client), provider.settings.acr_prefix
    if interaction.signed_on is not None and not interaction.factors:
        stands = replace(stands, min_auth_level=sign_on.floor_of(client))
    if not worth.auth_level or not is_met(interaction.request.acr, stands, prefix=prefix):
        return None
    times = [int(factor.at.timestamp()) for factor in interaction.factors]
    return Authentication(
        acr=answer(interaction.request.acr, stands, prefix=prefix),
        amr=worth.amr,
        auth_time=max(times, default=interaction.signed_on or 0),
        level=worth.level,
        auth_level=worth.auth_level,
        source=worth.source,
    )


def agree(
    provider: Provider,
    session: Session,
    *,
    before: SignOn | None,
    remember: bool = False,
    text_version: str = "",
    at: datetime,
) -> Agreed | None:
    """End the login with a code, and enter the yes in the ledger (contracts §8).

    ``before`` is the browser's session until now, ``text_version`` the text that was agreed to.

    None if the factors have become too old for the level, or the session that the login rests on
    is over: the login then goes on with the first page again.
    """
    interaction = session.interaction
    agreed = interaction.moved("agreed")
    account = account_of(provider, interaction)
    authentication = authentication_of(provider, interaction, account, at=at)
    if authentication is None or _has_lost_session(interaction, before):
        stale = replace(
            interaction.moved("gone_stale"), factors=(), account_id=None, signed_on=None
        )
        sessions.save(provider, stale, at=at)
        return None
    end = _ending(provider, interaction, account, authentication, before=before, at=at)
    issue = list(end.issue)
    if remember:
        issue.append(sign_on.remembered_row(provider, account.id, interaction.request, at=at))
    given = _entry(provider, interaction, account, end.tokens, remember=remember, at=at)
    given = replace(given, text_version=text_version or given.text_version)
    grounds = _grounds(agreed, account, authentication, at)
    issued = event(agreed, "code.issued", at, acr=authentication.acr, assertion=grounds)
    try:
        sessions.finish(provider, agreed, at=at, issue=issue, events=[issued], consents=[given])
    except Unavailable as error:
        if error.code != "grant.exists":
            raise
        raise sessions.over() from error
    if end.replaced is not None:
        provider.grants.consume("session", end.replaced, at=at)
    return end.agreed


def _has_lost_session(interaction: Interaction, now: SignOn | None) -> bool:
    """Whether only a session vouches for the person, and the browser has it no more."""
    if interaction.signed_on is None or interaction.factors:
        return False
    return now is None or now.account_id != interaction.account_id


def answer_silently(
    provider: Provider,
    request: AuthorizationRequest,
    account: Account,
    found: SignOn,
    *,
    at: datetime,
) -> Reply:
    """A code for a request that a session and an earlier yes suffice for; no page is shown."""
    interaction = Interaction(
        id=new_handle(provider.rng, size=16),
        request=request,
        cookie_hash=b"",
        expires_at=at,
        stage="consent",
        account_id=account.id,
        signed_on=found.auth_time,
        signed_amr=found.amr,
    )
    authentication = authentication_of(provider, interaction, account, at=at)
    if authentication is None:
        raise OAuthError("login_required", "The person has to log in.")
    end = _ending(provider, interaction, account, authentication, before=found, at=at)
    grounds = _grounds(interaction, account, authentication, at)
    issued = event(
        interaction, "code.issued", at, acr=authentication.acr, silently="true", assertion=grounds
    )
    trace = sign_on.silent_row(provider, account.id, request.client_id, end.tokens, at=at)
    issue = [*end.issue, trace]
    if not provider.grants.issue_beside("session", found.key, at=at, issue=issue, events=[issued]):
        raise OAuthError("login_required", "The session has just ended.")
    return end.agreed.reply


def _grounds(
    interaction: Interaction, account: Account, told: Authentication, at: datetime
) -> str:
    """What was told on which grounds, so that it can be judged again by the rules of its day."""
    return PastAssertion(
        at=at,
        account_level=account.level,
        level=told.level,
        auth_level=told.auth_level,
        source=cast("Source", told.source),
        consent=True,
        factors=interaction.factors,
        holder_match=account.holder_match,
        session=interaction.signed_on is not None,
    ).to_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    agreed: Agreed
    issue: Sequence[Grant]
    tokens: str
    replaced: bytes | None = None


def _ending(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    authentication: Authentication,
    *,
    before: SignOn | None,
    at: datetime,
) -> _Ending:
    """The code, and the rows that come with it: the session's, and the mark of a pushed request."""
    request, code = interaction.request, new_handle(provider.rng)
    tokens = new_handle(provider.rng, size=16)
    issue: list[Grant] = []
    at_kiosk = interaction.kiosk is not None  # nobody stays signed on where others come next
    same = before is not None and before.account_id == account.id  # a browser may change hands
    session, cookie, replaced = before if same and not at_kiosk else None, None, None
    if provider.settings.session_s and interaction.factors and not at_kiosk:
        cookie, session, row = sign_on.started(
            provider,
            account.id,
            auth_time=authentication.auth_time,
            amr=authentication.amr[:1],
            before=before,
            at=at,
        )
        issue.append(row)
        replaced = before.key if before and before.family == session.family else None
    granted = Granted(
        request=request,
        account_id=account.id,
        authentication=authentication,
        interaction=interaction.reference,
        session=session.family if session else None,
        version=account.version,
        kiosk=interaction.kiosk,
    )
    issue.append(
        Grant(
            kind="code",
            key=key_of(code),
            payload=granted.to_json(),
            family=tokens,
            expires_at=at + timedelta(seconds=provider.settings.code_s),
        )
    )
    if session is not None:
        issue.append(sign_on.member_row(provider, session, request, tokens))
    if request.pushed is not None:
        issue.append(_done(provider, request.pushed, at=at))
    reply = reply_to(request, {"code": code}, issuer=provider.settings.issuer)
    agreed = Agreed(reply=reply, cookie=cookie)
    return _Ending(agreed=agreed, issue=issue, tokens=tokens, replaced=replaced)


def _entry(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    tokens: str,
    *,
    remember: bool,
    at: datetime,
) -> Consent:
    """The line of the ledger. Its id is the family of the tokens: withdrawing ends just these."""
    settings, client = provider.settings, client_of(provider, interaction)
    fields = (field.name for field in requested_fields(interaction.request))
    lasts = [settings.access_s, settings.session_s]
    lasts += [settings.refresh_s] if client.refreshes else []
    lasts += [settings.consent_s] if remember else []
    return Consent(
        id=tokens,
        account=account.id,
        client=client.client_id,
        what=("sub", *fields, *sorted(sign_on.extras(interaction.request))),
        purpose=PURPOSE,
        channel="web",
        text_version=UNNAMED_TEXT,
        act="pressed_agree",
        given_at=at,
        until=at + timedelta(seconds=max(lasts)),
    )


def _done(provider: Provider, pushed: str, *, at: datetime) -> Grant:
    """The mark of a pushed request for which a code was issued: a second one cannot be stored."""
    lives = timedelta(seconds=provider.settings.par_s + provider.settings.interaction_s)
    return Grant(kind="par_done", key=decode_base64url(pushed), payload={}, expires_at=at + lives)


def give_up(provider: Provider, session: Session, error: OAuthError, *, at: datetime) -> Reply:
    """End the login without a code; what tells the service why."""
    interaction = session.interaction
    ended = event(interaction, "interaction.ended", at, error=error.error)
    sessions.finish(provider, interaction.moved("given_up"), at=at, events=[ended])
    return refusal_of(provider, interaction, error)


def refusal_of(provider: Provider, interaction: Interaction, error: OAuthError) -> Reply:
    """What tells the service of an error."""
    return reply_to(interaction.request, error_values(error), issuer=provider.settings.issuer)


def denied() -> OAuthError:
    """The person said no."""
    return OAuthError("access_denied", "The person did not agree.")
