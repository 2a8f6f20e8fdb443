"""The person's yes: field by field before, and a code for the service after it.

>>> denied().error
'access_denied'
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from eid.errors import OAuthError
from eid.levels.account import Account
from eid.oidc import session as sessions
from eid.oidc.acr import answer, is_met
from eid.oidc.authorization import AuthorizationRequest, answer_location, error_location
from eid.oidc.claims import ClaimField, released
from eid.oidc.granted import Authentication, Granted
from eid.oidc.handles import key_of, new_handle
from eid.oidc.interaction import Interaction, event
from eid.oidc.login import account_of, assurance_of, client_of, standing
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider
from eid.oidc.session import Session


def requested_fields(request: AuthorizationRequest) -> tuple[ClaimField, ...]:
    """Every field that a yes would release, wherever it is delivered."""
    return released(request.scopes, (*request.claims.id_token, *request.claims.userinfo))


def authentication_of(
    provider: Provider, interaction: Interaction, account: Account, *, at: datetime
) -> Authentication | None:
    """What the service would be told of this login; None if the essential level holds no more."""
    client = client_of(provider, interaction)
    worth = assurance_of(provider, interaction, account, at=at, consent=True)
    stands, prefix = standing(worth, client), provider.settings.acr_prefix
    if not worth.auth_level or not is_met(interaction.request.acr, stands, prefix=prefix):
        return None
    return Authentication(
        acr=answer(interaction.request.acr, stands, prefix=prefix),
        amr=worth.amr,
        auth_time=max(int(factor.at.timestamp()) for factor in interaction.factors),
        level=worth.level,
        auth_level=worth.auth_level,
        source=worth.source,
    )


def agree(provider: Provider, session: Session, *, at: datetime) -> str | None:
    """End the login with a code; the address to send the browser to.

    None if the factors have become too old for the level: the login then goes on with the first
    page again.
    """
    interaction = session.interaction
    agreed = interaction.moved("agreed")
    account = account_of(provider, interaction)
    authentication = authentication_of(provider, interaction, account, at=at)
    if authentication is None:
        stale = replace(interaction.moved("gone_stale"), factors=())
        sessions.save(provider, stale, at=at)
        return None
    code = new_handle(provider.rng)
    granted = Granted(
        request=interaction.request,
        account_id=account.id,
        authentication=authentication,
        interaction=interaction.reference,
    )
    names = " ".join(field.name for field in requested_fields(interaction.request))
    sessions.finish(
        provider,
        agreed,
        at=at,
        issue=[
            Grant(
                kind="code",
                key=key_of(code),
                payload=granted.to_json(),
                family=new_handle(provider.rng, size=16),
                expires_at=at + timedelta(seconds=provider.settings.code_s),
            )
        ],
        events=[
            event(agreed, "consent.given", at, claims=names),
            event(agreed, "code.issued", at, acr=authentication.acr),
        ],
    )
    return answer_location(
        interaction.request.redirect_uri,
        {"code": code},
        issuer=provider.settings.issuer,
        state=interaction.request.state,
    )


def give_up(provider: Provider, session: Session, error: OAuthError, *, at: datetime) -> str:
    """End the login without a code; the address that tells the service why."""
    interaction = session.interaction
    ended = event(interaction, "interaction.ended", at, error=error.error)
    sessions.finish(provider, interaction.moved("given_up"), at=at, events=[ended])
    return refusal_location(provider, interaction, error)


def refusal_location(provider: Provider, interaction: Interaction, error: OAuthError) -> str:
    """Where the browser goes with an error for the service."""
    return error_location(
        interaction.request.redirect_uri,
        error,
        issuer=provider.settings.issuer,
        state=interaction.request.state,
    )


def denied() -> OAuthError:
    """The person said no."""
    return OAuthError("access_denied", "The person did not agree.")
