"""The level loop: after every factor, assess, and say what follows (contracts §6).

A factor leads to consent when the essential level is reached, to another factor when it can
still be reached in this login, and else to ``unmet_authentication_requirements``. The order of
the factors does not matter; all must be the same person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from eid.errors import AccountError, HolderMismatch, OAuthError, RequestRefused
from eid.levels.account import Account
from eid.levels.assess import assess
from eid.levels.assurance import Assurance, Factor
from eid.oidc import session as sessions
from eid.oidc.acr import Standing, is_met, unmet
from eid.oidc.clients import Client
from eid.oidc.interaction import Interaction, event
from eid.oidc.offered import methods_left
from eid.oidc.own_client import channel_shown, is_own, is_rising, own_client
from eid.oidc.ports import Attempt, AuditEvent
from eid.oidc.provider import Provider
from eid.oidc.session import Planned, Session
from eid.oidc.sign_on import SESSION_AUTH_LEVEL


def with_password(
    provider: Provider, session: Session, attempt: Attempt, *, at: datetime
) -> Session:
    """The login after a password; AccountError ``login.refused`` or ``login.throttled``.

    The attempt, its record and the step that follows are one transaction. Else as
    :func:`with_factor`.
    """
    interaction = session.interaction

    def follow(account: Account) -> Planned:
        return plan(provider, interaction, account, Factor.of("password", at), at=at)

    def refused(code: str) -> AuditEvent:
        return event(interaction, "login.password_refused", at, code=code)

    with _ended_for_another(provider, interaction, at=at):
        step = provider.accounts.log_in(attempt, at=at, follow=follow, refused=refused)
    if step is None:
        raise sessions.changed()
    return step.session


def with_factor(
    provider: Provider,
    session: Session,
    account: Account,
    factor: Factor | None,
    *,
    at: datetime,
    commitment: bytes | None = None,
) -> Session:
    """The login after one more factor of ``account``, stored, with a new cookie to set.

    Without a factor only the account has changed: a card raised it that is none (contracts §6).

    Raises HolderMismatch when another person began this login (which ends it), AccountError for
    an account that may not log in, OAuthError when the request cannot be met any more.
    """
    interaction = session.interaction
    with _ended_for_another(provider, interaction, at=at):
        step = plan(provider, interaction, account, factor, at=at, commitment=commitment)
    return sessions.write(provider, step, at=at).session


def plan(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    factor: Factor | None,
    *,
    at: datetime,
    commitment: bytes | None = None,
) -> Planned:
    """What one more factor leads to; nothing is written. Raises as :func:`with_factor`."""
    check_usable(account)
    if _is_another(interaction, account):
        raise _another()
    factors = _with(interaction.factors, factor)
    stepped = replace(interaction, account_id=account.id, factors=factors, card_request=None)
    client = client_of(provider, stepped)
    _check_subject(provider, stepped, client)
    reached = is_reached(provider, stepped, account, client, at=at)
    if not reached and not open_methods(provider, stepped, account, client, at=at):
        raise unmet()
    following = stepped.moved("level_reached" if reached else "factor_accepted")
    renewed = sessions.renewed(provider, following)
    kind = "login.card_confirmed" if factor is None else f"login.{factor.method}"
    accepted = event(following, kind, at, commitment=commitment, stage=following.stage)
    return sessions.planned(renewed.interaction, cookie=renewed.cookie, events=[accepted])


def _with(factors: tuple[Factor, ...], added: Factor | None) -> tuple[Factor, ...]:
    """The newest of each method."""
    if added is None:
        return factors
    return (*(one for one in factors if one.method != added.method), added)


def check_usable(account: Account) -> None:
    """AccountError for a locked or closed account; the answer comes after the proof."""
    if account.state in {"locked", "closed"}:
        raise AccountError("This account cannot log in now.", code=f"account.{account.state}")


def check_same_person(
    provider: Provider, interaction: Interaction, account: Account | None, *, at: datetime
) -> None:
    """HolderMismatch, and the end of the login, if its earlier factor was another person's."""
    if _is_another(interaction, account):
        raise end_for_other_person(provider, interaction, at=at)


def _is_another(interaction: Interaction, account: Account | None) -> bool:
    known = interaction.account_id
    return known is not None and (account is None or account.id != known)


def end_for_other_person(
    provider: Provider, interaction: Interaction, *, at: datetime
) -> HolderMismatch:
    """End the login, leave a record, and return what to raise."""
    ended = event(interaction, "login.holder_mismatch", at)
    sessions.finish(provider, interaction, at=at, events=[ended])
    return _another()


def _another() -> HolderMismatch:
    return HolderMismatch("The card and the password belong to different people.")


@contextmanager
def _ended_for_another(
    provider: Provider, interaction: Interaction, *, at: datetime
) -> Iterator[None]:
    """A factor of another person ends the login."""
    try:
        yield
    except HolderMismatch as error:
        raise end_for_other_person(provider, interaction, at=at) from error


def assurance_of(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    *,
    at: datetime,
    consent: bool = False,
    also: tuple[Factor, ...] = (),
) -> Assurance:
    """What the login is worth now, or would be with the factors ``also``.

    A session counts as one factor of its own time, and adds no kind to fresh ones.
    """
    worth = assess(
        card=None,
        factors=(*interaction.factors, *also),
        account=account,
        consent=consent,
        rules=provider.rules,
        at=at,
    )
    if interaction.signed_on is None or worth.auth_level >= SESSION_AUTH_LEVEL:
        return worth
    return replace(worth, auth_level=SESSION_AUTH_LEVEL, amr=interaction.signed_amr)


def standing(assurance: Assurance, client: Client) -> Standing:
    """The part of an assurance that ``acr`` is decided by."""
    return Standing(
        level=assurance.level,
        auth_level=assurance.auth_level,
        min_auth_level=client.min_auth_level,
    )


def is_reached(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    client: Client,
    *,
    at: datetime,
) -> bool:
    """Whether the essential level holds now, or the way to level 1 is at its end."""
    if is_rising(interaction):
        return channel_shown(interaction) is not None and not methods_left(
            provider, interaction, account
        )
    now = assurance_of(provider, interaction, account, at=at)
    prefix = provider.settings.acr_prefix
    return is_met(interaction.request.acr, standing(now, client), prefix=prefix)


def open_methods(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    client: Client,
    *,
    at: datetime,
) -> tuple[str, ...]:
    """The methods still to be shown, if together they can reach the essential level."""
    left = methods_left(provider, interaction, account)
    if is_rising(interaction):
        return left
    also = tuple(Factor.of(method, at) for method in left)
    best = assurance_of(provider, interaction, account, at=at, also=also)
    prefix = provider.settings.acr_prefix
    met = is_met(interaction.request.acr, standing(best, client), prefix=prefix)
    return left if met else ()


def account_of(provider: Provider, interaction: Interaction) -> Account:
    """The account that logs in; RequestRefused before any factor was accepted."""
    account_id = interaction.account_id
    account = None if account_id is None else provider.accounts.by_id(account_id)
    if account is None:
        raise RequestRefused("Nobody has logged in here yet.", code="interaction.impossible_step")
    check_usable(account)
    return account


def client_of(provider: Provider, interaction: Interaction) -> Client:
    """The client of the request, as it is registered now."""
    client_id = interaction.request.client_id
    client = own_client(provider, client_id) if is_own(client_id) else provider.client(client_id)
    if client is None or interaction.request.redirect_uri not in client.redirect_uris:
        raise sessions.over()
    return client


def _check_subject(provider: Provider, interaction: Interaction, client: Client) -> None:
    """The ``sub`` that a claims request insists on (OIDC Core §5.5.1)."""
    wanted = interaction.request.claims.subject
    if wanted is None or interaction.account_id is None:
        return
    if provider.accounts.subject(interaction.account_id, client.sector) != wanted:
        raise OAuthError("login_required", "Another person logged in than was asked for.")
