"""Taking a consent back: at once, and with everything that was issued under it (row D-001).

First the tokens and what was remembered, then the service's place in sessions, and the ledger
last: as long as it says that a consent lives, a withdrawal that was cut off is finished by
repeating it, and what it says is withdrawn has left nothing behind.
"""

from __future__ import annotations

from datetime import datetime

from eid.errors import AccountError
from eid.oidc import sign_on
from eid.oidc.own_ports import OwnPages
from eid.oidc.payload import text
from eid.oidc.provider import Provider


def withdraw(
    provider: Provider, own: OwnPages, account_id: str, client_id: str, *, at: datetime
) -> None:
    """End every consent of a person to a service, its tokens, and its place in sessions."""
    grants = provider.grants
    remembered = sign_on.consent_family(account_id, client_id)
    silent = grants.family("silent", remembered, at=at)
    tokens = {text(grant.payload, "tokens") for grant in silent}
    sessions = sign_on.of_account(provider, account_id, at=at)
    for session in sessions:
        joined = sign_on.members(provider, session, at=at)
        tokens |= {member.tokens for member in joined if member.client_id == client_id}
    given = [one for one in own.ledger.of_account(account_id) if one.client == client_id]
    tokens |= {consent.id for consent in given}
    grants.revoke_family(remembered, *tokens, at=at)
    for session in sessions:
        later = sign_on.drop_members(provider, session, client_id, at=at)
        if not tokens.issuperset(later):
            grants.revoke_family(*later, at=at)
    for consent in given:
        if consent.is_live(at):
            _end(own, consent.id, account_id, at=at)


def _end(own: OwnPages, consent_id: str, by: str, *, at: datetime) -> None:
    try:
        own.ledger.withdraw(consent_id, by=by, at=at)
    except AccountError as error:
        if error.code != "consent.withdrawn":  # another tab was first
            raise
