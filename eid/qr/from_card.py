"""From a verified chip to a credential (facts: field map chip → Claim 169).

Such a credential says that *our issuer* read a genuine chip at ``iat``. It is not a state
document, and no name or text may say otherwise.

>>> sorted(DEFAULT_FIELDS)[:3]
['birth_date', 'issue_date', 'issuing_country']
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from eid.chip.verify import VerifiedCard
from eid.errors import Expired, InsufficientEvidence
from eid.keys import SigningKey
from eid.qr.claim169 import FACE, VERSION, Biometric, Identity
from eid.qr.cose import Signer
from eid.qr.credential import StatusReference
from eid.qr.fields import Sex
from eid.qr.issue import Terms, issue

MAX_CARD_AGE: Final = timedelta(hours=24)
MAX_PORTRAIT: Final = 500
DEFAULT_FIELDS: Final = frozenset(
    {
        "name",
        "latin_name",
        "birth_date",
        "sex",
        "nationality",
        "issuing_country",
        "residence",
        "origin",
        "issue_date",
    }
)
OPTIONAL_FIELDS: Final = frozenset(
    {"number", "old_number", "parents", "ethnicity", "religion", "sod_binding"}
)
"""Only on explicit request: identifiers, other people, sensitive data, the tie to the chip."""

_VIETNAM: Final = timezone(timedelta(hours=7))
_ADULT: Final = 18
_SALT_SIZE: Final = 8


def issue_identity(  # noqa: PLR0913 - all by keyword
    card: VerifiedCard,
    *,
    issuer: str,
    key: SigningKey | Signer,
    at: datetime,
    expires_at: datetime,
    subject: bytes,
    include: Collection[str] = DEFAULT_FIELDS,
    portrait: bytes | None = None,
    status: StatusReference | None = None,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Issue a credential with the chosen fields of *card*; gives the base45 text for a QR code.

    *portrait* comes from `eid.qr.portrait.shrink`. The rest is as for `issue_for`.
    """
    return issue_for(
        card,
        identity_of(card, include=include, portrait=portrait, rng=rng),
        issuer=issuer,
        key=key,
        at=at,
        expires_at=expires_at,
        subject=subject,
        status=status,
        rng=rng,
    )


def issue_for(  # noqa: PLR0913 - all by keyword
    card: VerifiedCard,
    identity: Identity,
    *,
    issuer: str,
    key: SigningKey | Signer,
    at: datetime,
    expires_at: datetime,
    subject: bytes,
    status: StatusReference | None = None,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Issue *identity*, made from *card* by `identity_of` or `eid.qr.small`.

    ``iat`` is the time the card was verified; ``exp`` is *expires_at* or the end of the
    document, whichever is earlier. *subject* is pairwise or random, at most 16 bytes; give each
    credential of a person its own, else it links them.

    ``InsufficientEvidence`` unless the chip proved possession to us within `MAX_CARD_AGE`;
    ``Expired`` ``qr.document_expired``; else as `eid.qr.issue.issue`.
    """
    check_card(card, at)
    terms = Terms(
        issuer=issuer,
        issued_at=card.verified_at,
        expires_at=min(expires_at, _end_of(card.expires)) if card.expires else expires_at,
        subject=subject,
        status=status,
    )
    return issue(identity, terms, key, rng=rng)


def identity_of(
    card: VerifiedCard,
    *,
    include: Collection[str] = DEFAULT_FIELDS,
    portrait: bytes | None = None,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> Identity:
    """The chosen fields of *card*; ``ValueError`` for names that are no fields.

    What the card does not state, or states incompletely, is left out.
    """
    wanted = frozenset(include)
    if not wanted <= DEFAULT_FIELDS | OPTIONAL_FIELDS:
        raise ValueError("unknown field names")
    values: dict[str, object] = {
        "name": card.holder.name,
        "birth_date": _iso_date(card.holder.birth_date),
        "sex": _sex(card),
        "nationality": _state(card.mrz.nationality),
        "issuing_country": _state(card.mrz.issuing_state),
        "number": card.holder.personal_number,
        **_worded(card),
    }
    if "sod_binding" in wanted:
        values["sod_binding"] = _binding(card.sod_digest, rng(_SALT_SIZE))
    if "latin_name" in wanted:
        values["second_name"] = f"{card.mrz.surname} {card.mrz.given_names}".strip()
        values["second_language"] = "eng"
    chosen = {
        name: value or None
        for name, value in values.items()
        if name in wanted or name.startswith("second_")
    }
    if "parents" in wanted and _is_minor(card):
        chosen["guardian"] = ", ".join(card.dg13.family) or None if card.dg13 else None
    return Identity(
        version=VERSION,
        language="vie" if card.mrz.issuing_state == "VNM" else None,
        biometrics=faces(portrait),
        **chosen,  # type: ignore[arg-type]  # names above are fields of Identity
    )


def age_of(card: VerifiedCard) -> int | None:
    """Full years of the holder when the card was verified; ``None`` if the date is incomplete."""
    born = _iso_date(card.holder.birth_date)
    if born is None:
        return None
    today = card.verified_at.astimezone(_VIETNAM).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def faces(portrait: bytes | None) -> Mapping[int, tuple[Biometric, ...]]:
    """Key 62 with *portrait* as image (format 0), WebP (subformat 4); empty without one."""
    if portrait is None:
        return {}
    if len(portrait) > MAX_PORTRAIT:
        raise ValueError("a portrait in a QR code has at most 500 bytes")
    return {FACE: (Biometric(data=portrait, format=0, subformat=4),)}


def is_bound_to(identity: Identity, sod_digest: bytes) -> bool:
    """Whether key 30 ties *identity* to the chip with this SHA-256 of its EF.SOD."""
    binding = identity.sod_binding
    if binding is None or len(binding) <= _SALT_SIZE:
        return False
    return hmac.compare_digest(binding, _binding(sod_digest, binding[:_SALT_SIZE]))


def check_card(card: VerifiedCard, at: datetime) -> None:
    """Refuse a chip in whose name nothing is signed: a copy, an old verdict, an expired document.

    ``InsufficientEvidence`` ``qr.possession_unproven``, ``qr.card_not_fresh``; ``Expired``
    ``qr.document_expired``.
    """
    if not card.possession_proven:
        raise InsufficientEvidence(
            "The chip has not proven to be the original to us.",
            missing=("aa.signature", "aa.freshness"),
            code="qr.possession_unproven",
        )
    if not timedelta(0) <= at - card.verified_at <= MAX_CARD_AGE:
        raise InsufficientEvidence(
            "The card must be read again before a credential is issued.",
            missing=("fresh_read",),
            code="qr.card_not_fresh",
        )
    if card.expires is not None and _end_of(card.expires) <= at:
        raise Expired("The document has expired.", code="qr.document_expired")


def _worded(card: VerifiedCard) -> dict[str, object]:
    """What only DG13 states."""
    dg13 = card.dg13
    if dg13 is None:
        return {}
    return {
        "residence": dg13.residence,
        "origin": dg13.origin,
        "issue_date": _worded_date(dg13.issue_date),
        "old_number": dg13.old_number,
        "ethnicity": dg13.ethnicity,
        "religion": dg13.religion,
    }


def _state(code: str) -> str | None:
    """Claim 169 wants two or three letters; the MRZ of Germany has one."""
    return code if 2 <= len(code) <= 3 else None


def _sex(card: VerifiedCard) -> Sex:
    match card.holder.sex:
        case "M":
            return "M"
        case "F":
            return "F"
        case _:
            return "X"


def _binding(sod_digest: bytes, salt: bytes) -> bytes:
    return salt + hashlib.sha256(b"eid-qr-sod-v1" + salt + sod_digest).digest()[:16]


def _is_minor(card: VerifiedCard) -> bool:
    age = age_of(card)
    return age is not None and age < _ADULT


def _end_of(day: date) -> datetime:
    """The instant at which *day* ends in Vietnam."""
    return datetime.combine(day, time(), tzinfo=_VIETNAM) + timedelta(days=1)


def _iso_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _worded_date(text: str | None) -> date | None:
    """A date as DG13 words it, dd/mm/yyyy."""
    try:
        return datetime.strptime(text or "", "%d/%m/%Y").date()  # noqa: DTZ007 - a day, no instant
    except ValueError:
        return None
