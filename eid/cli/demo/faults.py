"""The refusals of the demo: what is done wrong, and which error must come of it.

>>> sorted(FAULTS)[:3]
['cloned-chip', 'level-too-low', 'other-browser']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from eid.cli.demo.scenes import (
    Enrolment,
    give_password,
    open_card_page,
    show_card,
    visit_service,
)
from eid.cli.demo.stage import Stage
from eid.errors import (
    CardRemoved,
    ChallengeMismatch,
    EidError,
    HashMismatch,
    HolderMismatch,
    NotGenuine,
    OAuthError,
    RequestRefused,
    Revoked,
    UntrustedIssuer,
)
from eid.kiosk.outbound import deliver, fetch_keys, seal
from eid.kiosk.request import accept
from eid.kiosk.settings import PinnedIssuer
from eid.testing.authority import DocumentAuthority
from eid.testing.browser import Browser, Page
from eid.testing.card_image import CardImage
from eid.testing.faults import cloned, pulled, tampered_dg1
from eid.testing.personalise import personalise

Deed = Callable[[Stage, CardImage, Enrolment | None], Page]
_PULLED_AT = 12
# A signature by another RSA key opens to noise: which part is wrong first is chance.
_NOT_THE_CHIP = frozenset({"aa.header", "aa.range", "aa.signature", "aa.trailer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCase:
    """One wrong deed, the ``codes`` it may be refused with, and ``do``, which plays the login."""

    what: str
    error: type[EidError]
    codes: frozenset[str]
    sentence: str
    do: Deed
    proofed: bool = True


def _login_with(stage: Stage, image: CardImage, *, at_command: int | None = None) -> Page:
    browser = Browser()
    card_page = open_card_page(browser, visit_service(stage, browser))
    faults = () if at_command is None else (pulled(at_command),)
    return show_card(stage, browser, card_page, image, faults=faults)


def _tampered(stage: Stage, image: CardImage, _: Enrolment | None) -> Page:
    return _login_with(stage, tampered_dg1(image))


def _cloned(stage: Stage, image: CardImage, _: Enrolment | None) -> Page:
    return _login_with(stage, cloned(image))


def _unknown_issuer(stage: Stage, _: CardImage, __: Enrolment | None) -> Page:
    at = datetime.now(UTC)
    forger = DocumentAuthority.create(at=at)
    return _login_with(stage, personalise(stage.person, forger, at=at))


def _revoked(stage: Stage, image: CardImage, _: Enrolment | None) -> Page:
    authority, at = stage.authority, datetime.now(UTC)
    crl = authority.crl(revoked=[authority.ds_serial], at=at, number=2)
    authority.trust_folder(stage.settings.trust, crl=crl)
    return _login_with(stage, image)


def _pulled(stage: Stage, image: CardImage, _: Enrolment | None) -> Page:
    return _login_with(stage, image, at_command=_PULLED_AT)


def _replayed(stage: Stage, _: CardImage, enrolment: Enrolment | None) -> Page:
    """A lying agent answers the provider's request with the evidence of an earlier read."""
    browser = Browser()
    card_page = open_card_page(browser, visit_service(stage, browser))
    pinned = PinnedIssuer(issuer=stage.settings.issuer)
    keys = fetch_keys(pinned)
    token = card_page.form("card").fields["request"]
    request = accept(token, pinned, keys, at=datetime.now(UTC))
    if enrolment is None:
        raise LookupError("nothing was recorded at the counter")
    handle = deliver(seal(enrolment.evidence, request, keys), request)
    return browser.follow(card_page, f"{request.return_uri}?handle={handle}")


def _too_low(stage: Stage, _: CardImage, __: Enrolment | None) -> Page:
    browser = Browser()
    return give_password(stage, browser, visit_service(stage, browser))


def _other_persons_card(stage: Stage, _: CardImage, __: Enrolment | None) -> Page:
    browser, other = Browser(), stage.other_person
    image = personalise(other, stage.authority, at=datetime.now(UTC))
    after_password = give_password(stage, browser, visit_service(stage, browser))
    card_page = open_card_page(browser, after_password)
    return show_card(stage, browser, card_page, image, person=other)


def _other_origin(stage: Stage, _: CardImage, __: Enrolment | None) -> Page:
    """A foreign page has got hold of a signed request and posts it to the agent."""
    browser = Browser()
    card_page = open_card_page(browser, visit_service(stage, browser))
    hostile = Page(
        url="http://127.0.0.1:9/",
        status=200,
        headers={"referrer-policy": "origin"},
        text=card_page.text,
    )
    return browser.submit(hostile, hostile.form("card"))


def _other_browser(stage: Stage, image: CardImage, _: Enrolment | None) -> Page:
    """An attacker starts a login and has the victim's browser and card finish it."""
    attacker, victim = Browser(), Browser()
    card_page = open_card_page(attacker, visit_service(stage, attacker))
    return show_card(stage, victim, card_page, image)


FAULTS: Mapping[str, FaultCase] = MappingProxyType(
    {
        "tampered-dg1": FaultCase(
            what="The name in the chip was changed after it was signed.",
            error=HashMismatch,
            codes=frozenset({"dg.hash"}),
            sentence="The content of EF.DG1 is not what the issuer signed.",
            do=_tampered,
        ),
        "cloned-chip": FaultCase(
            what="All files were copied to a chip without the original's private key.",
            error=NotGenuine,
            codes=_NOT_THE_CHIP,
            sentence="The chip did not prove to be the original.",
            do=_cloned,
        ),
        "unknown-issuer": FaultCase(
            what="The card is signed by an authority of the forger's own.",
            error=UntrustedIssuer,
            codes=frozenset({"chain.unanchored"}),
            sentence="No configured anchor vouches for the card's signer.",
            do=_unknown_issuer,
        ),
        "revoked-signer": FaultCase(
            what="The signer of the card has been revoked since the counter.",
            error=Revoked,
            codes=frozenset({"chain.revoked"}),
            sentence="The signer of the card has been revoked.",
            do=_revoked,
        ),
        "replayed-evidence": FaultCase(
            what="A lying card agent sends what it recorded at the counter.",
            error=ChallengeMismatch,
            codes=frozenset({"aa.other_challenge"}),
            sentence="The chip's answer belongs to another challenge.",
            do=_replayed,
        ),
        "pulled-card": FaultCase(
            what="The card is lifted in the middle of the read.",
            error=CardRemoved,
            codes=frozenset({"card.removed"}),
            sentence="The card was lifted too early; nothing half-read is used.",
            do=_pulled,
        ),
        "level-too-low": FaultCase(
            what="The account was never raised to level 2.",
            error=OAuthError,
            codes=frozenset({"unmet_authentication_requirements"}),
            sentence="The level that the service insists on cannot be reached.",
            do=_too_low,
            proofed=False,
        ),
        "other-persons-card": FaultCase(
            what="After the password somebody else's genuine card is presented.",
            error=HolderMismatch,
            codes=frozenset({"holder_mismatch"}),
            sentence="The card and the password belong to different people.",
            do=_other_persons_card,
        ),
        "other-origin": FaultCase(
            what="A foreign page posts the provider's request to the card agent.",
            error=RequestRefused,
            codes=frozenset({"agent.origin"}),
            sentence="This page may not ask for a card.",
            do=_other_origin,
        ),
        "other-browser": FaultCase(
            what="The victim's card and browser are to finish the attacker's login.",
            error=RequestRefused,
            codes=frozenset({"interaction.other_browser"}),
            sentence="This login was begun in another browser.",
            do=_other_browser,
        ),
    }
)
