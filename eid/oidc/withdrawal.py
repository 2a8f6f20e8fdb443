"""Taking a consent back: at once, and with everything that was issued under it (row D-001).

First what would let a service in again without a page, then the ledger, then the tokens; done
twice it changes nothing, so that a withdrawal that was cut off is finished by repeating it.
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
    grants.revoke_family(remembered, at=at)
    tokens = [text(grant.payload, "tokens") for grant in silent]
    for session in sign_on.of_account(provider, account_id, at=at):
        tokens += sign_on.drop_members(provider, session, client_id, at=at)
    for consent in own.ledger.of_account(account_id):
        if consent.client == client_id:
            tokens.append(consent.id)
            if consent.is_live(at):
                _end(own, consent.id, account_id, at=at)
    for family in dict.fromkeys(tokens):
        grants.revoke_family(family, at=at)


def _end(own: OwnPages, consent_id: str, by: str, *, at: datetime) -> None:
    try:
        own.ledger.withdraw(consent_id, by=by, at=at)
    except AccountError as error:
        if error.code != "consent.withdrawn":  # another tab was first
            raise
