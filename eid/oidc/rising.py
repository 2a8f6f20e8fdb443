"""To level 1 by one's own card: in My account, or while signing up (contracts §6).

Level 1 takes both: a chip that answered our own challenge, anchored or remotely confirmed, and a
channel that reached the person. In My account the channel comes first and the card raises at
once. Signing up begins with the card, so that names are tried only by people with a genuine one,
and few of them; what it said is kept sealed, without the portrait, until the channel's code is
right, judged again then, and forgotten with its use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from eid.chip.evidence import Evidence
from eid.errors import AccountError, InsufficientEvidence, RequestRefused, Unavailable
from eid.keys import JSON, canonical_json, encode_base64url, parse_json_object
from eid.levels.account import Account, profile_from_card
from eid.levels.assurance import Factor
from eid.levels.factors.card import chip_answered
from eid.levels.proofing import check_eligible, raise_remotely
from eid.oidc import session as sessions
from eid.oidc.interaction import Interaction, event
from eid.oidc.own_ports import OwnPages
from eid.oidc.payload import members, octets, text
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.session import Session

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

KEPT_FILES = frozenset({"EF.DG1", "EF.DG13"})
MAX_EVIDENCE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A card that was judged just now, and what ties its evidence to the record."""

    card: VerifiedCard
    evidence: Evidence
    challenge: bytes
    salt: bytes


def own_of(provider: Provider) -> OwnPages:
    """The parts behind these pages; RequestRefused for a provider without them."""
    if provider.own is None:
        raise RequestRefused("There are no such pages.", code="request.not_found")
    return provider.own


def raise_account(
    provider: Provider, account: Account, read: Read, channel: Factor | None, *, at: datetime
) -> Account:
    """The account at level 1, stored with its row of the record.

    Raises what :func:`eid.levels.proofing.raise_remotely` does, and AccountError
    ``account.number_taken`` when somebody else has the number: that opens a case.
    """
    raised = raise_remotely(account, read.card, channel=channel, rules=provider.rules, at=at)
    proofed = AuditEvent(
        kind="account.proofed_remotely",
        at=at,
        account=account.id,
        detail={
            "level": str(raised.level),
            "channel": channel.method if channel else "",
            "source": raised.source,
        },
        commitment=read.evidence.commitment(read.salt),
        opening=read.salt + read.evidence.digest(),
    )
    return own_of(provider).register.update(raised, at=at, events=[proofed])


# -- signing up ----------------------------------------------------------------------------------


def keep_card(provider: Provider, session: Session, read: Read, *, at: datetime) -> Session:
    """Keep what the card said for the rest of a sign-up; the login with a new cookie.

    AccountError for an age or document that cannot sign up alone, and
    ``account.number_taken`` for a person who has an account: that opens a case.
    """
    interaction, profile = session.interaction, profile_from_card(read.card)
    chip_answered(read.card, at)
    check_eligible(profile, 1, representative=None, rules=provider.rules, at=at)
    holder = provider.accounts.by_number(profile.personal_number)
    if holder is not None:
        claimant = interaction.reference
        cases = own_of(provider).cases
        cases.second_enrolment(holder.id, claimant=claimant, by=claimant, at=at)
        raise AccountError("This person has an account.", code="account.number_taken")
    kept = read.evidence.redact(keep=KEPT_FILES)
    payload: dict[str, JSON] = {
        "evidence": parse_json_object(kept.to_json(), max_size=MAX_EVIDENCE),
        "challenge": encode_base64url(read.challenge),
        "salt": encode_base64url(read.salt),
        "number": profile.personal_number,
    }
    row = Grant(
        kind="sign_up", key=interaction.key, payload=payload, expires_at=interaction.expires_at
    )
    shown = event(interaction, "sign_up.card", at, commitment=kept.commitment(read.salt))
    try:
        provider.grants.put(row, events=[shown])
    except Unavailable as error:
        if error.code != "grant.exists":
            raise
        raise RequestRefused(
            "This sign-up has its card.", code="interaction.impossible_step"
        ) from error
    return sessions.renewed(provider, replace(interaction, card_request=None))


def has_kept_card(provider: Provider, interaction: Interaction, *, at: datetime) -> bool:
    """Whether the sign-up has had its card."""
    return provider.grants.get("sign_up", interaction.key, at=at) is not None


def number_kept(provider: Provider, interaction: Interaction, *, at: datetime) -> str:
    """The number of the card that was kept; RequestRefused before there was one."""
    grant = provider.grants.get("sign_up", interaction.key, at=at)
    if grant is None:
        raise RequestRefused("This step does not follow here.", code="interaction.impossible_step")
    return text(grant.payload, "number")


def finish_sign_up(
    provider: Provider,
    interaction: Interaction,
    account: Account,
    channel: Factor,
    *,
    at: datetime,
) -> Account:
    """The new account at level 1, by the card that was kept and the channel; once."""
    grant = provider.grants.consume("sign_up", interaction.key, at=at)
    if grant is None:
        raise InsufficientEvidence(
            "Level 1 needs the card.", missing=("card.possession",), code="card.possession"
        )
    evidence = Evidence.from_json(canonical_json(members(grant.payload, "evidence")))
    challenge = octets(grant.payload, "challenge")
    read = Read(
        card=provider.judge_evidence(evidence, challenge, at, None),
        evidence=evidence,
        challenge=challenge,
        salt=octets(grant.payload, "salt"),
    )
    return raise_account(provider, account, read, channel, at=at)
