"""Card login, the way back: evidence comes in, the browser comes back, the card is judged.

(Contracts §5.4, §5.5.) The evidence uses up its card request, and with it the challenge; the
handle takes its place and is used up when the browser comes back. In between the evidence is
kept as it came: encrypted to us. Only the browser that asked can finish.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from eid.chip.evidence import Evidence
from eid.errors import (
    AccountError,
    EidError,
    FormatError,
    HolderMismatch,
    InsufficientEvidence,
    RequestRefused,
    VerificationError,
)
from eid.keys import (
    JSON,
    EncryptionKey,
    canonical_json,
    decrypt_jwe,
    encode_base64url,
    parse_json_object,
)
from eid.levels.assurance import Factor
from eid.levels.factors.card import card_factor, chip_answered
from eid.oidc import kiosk_login, session as sessions
from eid.oidc.handles import is_handle, key_of, new_handle
from eid.oidc.http import MAX_SEALED, Parameters
from eid.oidc.interaction import Interaction, event
from eid.oidc.login import (
    account_of,
    check_same_person,
    end_for_other_person,
    with_factor,
)
from eid.oidc.own_client import channel_shown, is_rising
from eid.oidc.payload import octets, optional_text, text
from eid.oidc.ports import AuditEvent, Grant
from eid.oidc.provider import Provider
from eid.oidc.rising import Read, keep_card, raise_account
from eid.oidc.session import Session

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

EVIDENCE_TYP = "eid-evidence+jwe"
MAX_EVIDENCE = 256 * 1024
_NOT_ASKED = "remote.not_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back by one handle, with the challenge that it must answer."""

    interaction: bytes
    card_request: bytes
    cookie_hash: bytes
    challenge: bytes = field(repr=False)
    sealed: str = field(repr=False)
    salt: bytes = field(repr=False)
    kiosk: str | None = None


def receive(provider: Provider, form: Parameters, *, at: datetime) -> str:
    """Take evidence from an agent and return the one-time handle to come back with.

    Proves nothing yet. RequestRefused ``card.request_over`` for a ``jti`` that is unknown, used
    or too old; otherwise the errors of the encryption and of the evidence's form.
    """
    jti, sealed = form.get("jti"), form.get("evidence")
    if jti is None or sealed is None or not is_handle(jti):
        raise FormatError("The evidence or its jti is missing.", code="card.form")
    asked = provider.grants.get("card_request", key_of(jti), at=at)
    if asked is None:
        raise _refused("This card request is used or too old.", "card.request_over")
    envelope = open_envelope(sealed, provider.keys.evidence, key_of(jti))
    kiosk = kiosk_login.read_by(provider, envelope, at=at)
    handle = new_handle(provider.rng)
    payload: dict[str, JSON] = {
        **asked.payload,
        "card_request": encode_base64url(asked.key),
        "evidence": sealed,
        "salt": encode_base64url(provider.rng(16)),
        "kiosk": kiosk,
    }
    waiting = Grant(
        kind="handle", key=key_of(handle), payload=payload, expires_at=asked.expires_at
    )
    received = AuditEvent(
        kind="card.received", at=at, interaction=octets(asked.payload, "interaction").hex()[:16]
    )
    taken = provider.grants.consume(
        "card_request", asked.key, at=at, issue=[waiting], events=[received]
    )
    if taken is None:
        raise _refused("This card request is used or too old.", "card.request_over")
    return handle


def spend(provider: Provider, handle: str | None, *, at: datetime) -> Answer | EidError:
    """Use the handle up, whoever brings it.

    Why it is refused comes back as a value: it is said only after the browser is known.
    """
    if handle is None or not is_handle(handle):
        return _refused("The card agent's answer carries no handle.", "card.handle_unknown")
    grant = provider.grants.consume("handle", key_of(handle), at=at)
    if grant is None:
        if provider.grants.was_used("handle", key_of(handle)) is not None:
            return _refused("This card answer was used before.", "card.handle_used")
        return _refused("This card answer is unknown or too old.", "card.handle_unknown")
    return Answer(
        interaction=octets(grant.payload, "interaction"),
        card_request=octets(grant.payload, "card_request"),
        cookie_hash=octets(grant.payload, "cookie_hash"),
        challenge=octets(grant.payload, "challenge"),
        sealed=text(grant.payload, "evidence"),
        salt=octets(grant.payload, "salt"),
        kiosk=optional_text(grant.payload, "kiosk"),
    )


def accept(
    provider: Provider, session: Session, answer: Answer | EidError, *, at: datetime
) -> Session:
    """The right browser is back: judge the evidence, and go on with the login.

    RequestRefused when handle, request and browser do not belong together; the errors of the
    judgement otherwise. HolderMismatch ends the login.
    """
    interaction = session.interaction
    if isinstance(answer, EidError):
        raise answer
    if not hmac.compare_digest(answer.interaction, interaction.key):
        raise _refused("This card was read for another login.", "card.other_interaction")
    if answer.card_request != interaction.card_request or not hmac.compare_digest(
        answer.cookie_hash, interaction.cookie_hash
    ):
        raise _refused("A newer card request took this one's place.", "card.request_superseded")
    evidence = open_evidence(answer.sealed, provider.keys.evidence, answer.card_request)
    try:
        return _accept(provider, session, evidence, answer, at=at)
    except HolderMismatch:
        raise
    except (VerificationError, InsufficientEvidence) as error:
        _refuse_card(provider, interaction, error, at=at)
        raise


def _accept(
    provider: Provider, session: Session, evidence: Evidence, answer: Answer, *, at: datetime
) -> Session:
    interaction = session.interaction
    card = _judge(provider, interaction, evidence, answer.challenge, at=at)
    if answer.kiosk is not None:
        at_kiosk = replace(session.interaction, kiosk=answer.kiosk)
        session = replace(session, interaction=at_kiosk)
    if is_rising(interaction):
        chip_answered(card, at)
        factor = card_factor(card, at) if card.possession_proven else None
        read = Read(card=card, evidence=evidence, challenge=answer.challenge, salt=answer.salt)
        return _rise(provider, session, read, factor, at=at)
    possession = card_factor(card, at)
    account = provider.accounts.by_number(card.holder.personal_number)
    check_same_person(provider, interaction, account, at=at)
    if account is None:
        nobody = event(interaction, "login.refused", at, code="no_account")
        provider.grants.record([nobody])
        raise AccountError("No account belongs to this card yet.", code="login.no_account")
    commitment = evidence.commitment(answer.salt)
    return with_factor(provider, session, account, possession, at=at, commitment=commitment)


def _rise(
    provider: Provider, session: Session, read: Read, factor: Factor | None, *, at: datetime
) -> Session:
    """The card of a sign-up is kept; the one of an account whose channel was reached raises it."""
    interaction = session.interaction
    if interaction.account_id is None:
        kept = keep_card(provider, session, read, at=at)
        return replace(kept, interaction=sessions.save(provider, kept.interaction, at=at))
    account = account_of(provider, interaction)
    channel = channel_shown(interaction)
    raised = raise_account(provider, account, read, channel, at=at)
    return with_factor(provider, session, raised, factor, at=at)


def _judge(
    provider: Provider,
    interaction: Interaction,
    evidence: Evidence,
    challenge: bytes,
    *,
    at: datetime,
) -> VerifiedCard:
    """Judged against our own challenge and, after a password, the account's own number."""
    expected = None
    if interaction.account_id is not None:
        profile = account_of(provider, interaction).profile
        expected = profile.personal_number if profile else None
    try:
        return provider.judge_evidence(evidence, challenge, at, expected)
    except HolderMismatch as error:
        if expected is None:
            raise
        raise end_for_other_person(provider, interaction, at=at) from error


def _refuse_card(
    provider: Provider, interaction: Interaction, error: EidError, *, at: datetime
) -> None:
    """Record a card that was refused; after several the login ends."""
    refused = replace(
        interaction.moved("card_refused"),
        refused_cards=interaction.refused_cards + 1,
        card_request=None,
    )
    row = event(interaction, "card.refused", at, code=error.code)
    events = [replace(row, detail={**row.detail, **_remote_word(error)})]
    if refused.refused_cards >= provider.settings.max_refused_cards:
        sessions.finish(provider, refused, at=at, events=events)
    else:
        sessions.save(provider, refused, at=at, events=events)


def _remote_word(error: EidError) -> dict[str, str]:
    """What came of asking a remote verifier, where one was asked: no answer is said as such."""
    verdict = getattr(error, "verdict", None)
    checks = {check.name: check.code for check in verdict.checks} if verdict else {}
    code = checks.get("remote", _NOT_ASKED)
    return {} if code == _NOT_ASKED else {"remote": code}


def open_evidence(sealed: str, key: EncryptionKey, card_request: bytes) -> Evidence:
    """The evidence inside, which must name the same ``jti`` within the encryption.

    ``card_request`` is the SHA-256 of the ``jti`` it must answer.
    """
    return open_envelope(sealed, key, card_request).evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an agent sealed; on an enrolled kiosk with the kiosk's own statement."""

    jti: str = field(repr=False)
    evidence: Evidence
    kiosk: str | None = None
    statement: str | None = field(default=None, repr=False)


def open_envelope(sealed: str, key: EncryptionKey, card_request: bytes) -> Envelope:
    """As :func:`open_evidence`, with who read it; nothing of that is checked here."""
    content = decrypt_jwe(sealed, key, typ=EVIDENCE_TYP, max_bytes=MAX_EVIDENCE + 4096)
    document = parse_json_object(content, max_size=MAX_EVIDENCE + 4096)
    jti, evidence = document.get("jti"), document.get("evidence")
    kiosk, statement = document.get("kiosk_id"), document.get("kiosk")
    plain = document.keys() == {"jti", "evidence"}
    signed = document.keys() == {"jti", "evidence", "kiosk", "kiosk_id"}
    texts = isinstance(kiosk, str) and isinstance(statement, str)
    if not (plain or (signed and texts)) or not isinstance(jti, str):
        raise FormatError("The evidence's envelope is malformed.", code="card.envelope")
    if not hmac.compare_digest(key_of(jti), card_request):
        raise _refused("The evidence answers another card request.", "card.other_request")
    return Envelope(
        jti=jti,
        evidence=Evidence.from_json(canonical_json(evidence)),
        kiosk=kiosk if isinstance(kiosk, str) else None,
        statement=statement if isinstance(statement, str) else None,
    )


def _refused(message: str, code: str) -> RequestRefused:
    return RequestRefused(message, code=code)
