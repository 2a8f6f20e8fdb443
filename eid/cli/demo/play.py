"""The demo's acts, in order: card, counter, login by card and password, token, QR code."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eid.chip.verify import Verdict, VerifiedCard
from eid.cli.demo import scenes
from eid.cli.demo.faults import FaultCase
from eid.cli.demo.scenes import Enrolment
from eid.cli.demo.stage import ACR, SERVICE, Stage, keep_running, open_stage
from eid.cli.demo.story import Story
from eid.cli.files import write_private
from eid.cli.verdict_page import NOT_PROVEN, verdict_page
from eid.errors import EidError, OAuthError, Unavailable
from eid.levels.assurance import auth_level
from eid.levels.factors.card import card_factor
from eid.qr.credential import verify_credential
from eid.qr.from_card import issue_identity
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.render import render_png
from eid.qr.scan import scan_image
from eid.testing.browser import Browser, Page
from eid.testing.card_image import CardImage
from eid.testing.personalise import personalise

READERS = {
    "pcscd": "The card lies in a virtual reader of a real pcscd, in a namespace of its own.",
    "socket": "The card is reached over a unix socket: no PC/SC is involved.",
}
_CREDENTIAL_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where the demo leaves its two files, and how it speaks."""

    folder: Path
    as_json: bool

    def story(self) -> Story:
        """A story told line by line, or silent until the end for JSON."""
        return Story(say=_nothing if self.as_json else _line)


@contextmanager
def set_up(story: Story) -> Iterator[Stage]:
    """Open the stage as the story's first step."""
    with ExitStack() as stack:
        with story.step("A provider, a card agent and a service start, each a process") as step:
            stage = stack.enter_context(open_stage())
            step.prove(READERS[stage.reader.kind])
            if stage.note:
                step.prove(stage.note)
        yield stage


def play(outputs: Outputs, *, keep: bool = False) -> int:
    """Walk the whole way; 0, or the first error that stopped it."""
    story = outputs.story()
    with set_up(story) as stage:
        image = make_card(story, stage)
        enrolment = enrol(story, stage, image)
        verdict, card = judge_again(story, stage, enrolment, outputs.folder)
        page = log_in(story, stage, image, card)
        service_checks(story, page)
        issue_code(story, stage, card, outputs.folder)
        summary(story, stage, verdict, page, outputs.folder)
        if outputs.as_json:
            _line(story.to_json("accepted"))
        if keep:
            keep_running(stage)
    return 0


def play_fault(outputs: Outputs, fault: FaultCase) -> int:
    """Play one refusal; ends by raising the typed error that was met, never with a token."""
    story = outputs.story()
    with set_up(story) as stage:
        image = make_card(story, stage)
        enrolment = enrol(story, stage, image) if fault.proofed else None
        if enrolment is None:
            on_paper(story, stage)
        with story.step(fault.what) as step:
            page = fault.do(stage, image, enrolment)
            met = refused_as(fault, page, stage)
            step.prove(f"Refused ({met.code}); no code and no token was issued.")
        story.facts |= {"error": type(met).__name__, "code": met.code, "sentence": met.message}
        if outputs.as_json:
            _line(story.to_json("refused"))
    raise met


def make_card(story: Story, stage: Stage) -> CardImage:
    """Personalise the fictional holder's card."""
    with story.step("A fictional citizen gets a card in software") as step:
        image = personalise(stage.person, stage.authority, at=datetime.now(UTC))
        step.prove(
            "Signed by a test Document Signer (brainpoolP384r1) under a test CSCA "
            "(brainpoolP512r1, explicit parameters); its chip holds an RSA-2048 key."
        )
    return image


def enrol(story: Story, stage: Stage, image: CardImage) -> Enrolment:
    """Raise the account at the counter."""
    with story.step("At a counter an officer reads the card and looks at the holder") as step:
        enrolment = scenes.enrol_at_counter(stage, image)
        protocol = enrolment.evidence.access.protocol
        step.prove(f"{protocol} opened the chip with the 12-digit number alone.")
        step.prove("The chip answered the counter's own challenge: it is the original.")
        step.prove(f"The officer matched the holder: account level {enrolment.account.level}.")
    return enrolment


def on_paper(story: Story, stage: Stage) -> None:
    """An account of level 1 without any chip."""
    with story.step("An account is made on an officer's word, without a chip") as step:
        account = scenes.enrol_on_paper(stage)
        step.prove(f"Account level {account.level}, source manual.")


def judge_again(
    story: Story, stage: Stage, enrolment: Enrolment, folder: Path
) -> tuple[Verdict, VerifiedCard]:
    """Judge the evidence from its bytes and write the verdict page."""
    with story.step("The evidence is judged from its bytes, by the trust folder alone") as step:
        verdict, card = scenes.judged(stage, enrolment)
        passed = [check.name for check in verdict.checks if check.status == "passed"]
        step.prove(f"{len(passed)} checks passed: {', '.join(passed)}.")
        page = verdict_page(verdict, at=enrolment.at, policy=card.policy)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "verdict.html", page.encode())
    return verdict, card


def log_in(story: Story, stage: Stage, image: CardImage, card: VerifiedCard) -> Page:
    """Log in at the service with card and password."""
    browser = Browser()
    with story.step(f"The service asks for {ACR}; the person shows the card") as step:
        card_page = scenes.open_card_page(browser, scenes.visit_service(stage, browser))
        after_card = scenes.show_card(stage, browser, card_page, image)
        _must_go_on(after_card)
        alone = auth_level([card_factor(card, card.verified_at)])
        step.prove("The agent read it after the person agreed, for this provider's challenge.")
        step.prove("The provider judged the evidence itself: chain, hashes, chip, same number.")
        step.prove(f"The card alone is worth authentication level {alone}: not enough here.")
    with story.step("The person adds the password, and agrees to what is told") as step:
        after_password = scenes.give_password(stage, browser, after_card)
        _must_go_on(after_password)
        page = scenes.consent(browser, after_password)
        _must_go_on(page)
        step.prove("Card and password are two kinds of factor: authentication level 2.")
    return page


def service_checks(story: Story, page: Page) -> None:
    """What the service itself has checked, through Authlib's client and the strict door."""
    with story.step("The service has an ID token and userinfo, and has checked both") as step:
        claims, userinfo = scenes.told(page, "claims"), scenes.told(page, "userinfo")
        story.facts |= {"id_token": dict(claims), "userinfo": dict(userinfo)}
        shown = ("acr", "amr", "eid_level", "eid_auth_level", "eid_source")
        step.prove("ES256 signature, iss, aud, exp and nonce hold.")
        step.prove(", ".join(f"{name}={claims.get(name)}" for name in shown) + ".")
        step.prove("The subject is pairwise: no number, no name, nothing of the card.")


def issue_code(story: Story, stage: Stage, card: VerifiedCard, folder: Path) -> None:
    """Issue a Claim 169 credential, draw it, read the picture back and verify it offline."""
    with story.step("A signed QR code is issued, read back from its picture, verified") as step:
        installation, at = stage.installation, datetime.now(UTC)
        issuer, key = stage.settings.issuer, installation.qr_key()
        text = issue_identity(
            card,
            issuer=issuer,
            key=key,
            at=at,
            expires_at=at + _CREDENTIAL_LIFE,
            subject=secrets.token_bytes(16),
        )
        picture = render_png(text)
        write_private(folder / "credential.png", picture)
        (scanned,) = scan_image(picture)
        keys = IssuerKeys.of([IssuerKey.from_jwk(issuer, key.public_jwk())])
        credential = verify_credential(scanned.decode("ascii"), keys, at=at)
        step.prove(f"Claim 169, {len(text)} characters, {credential.binding} only.")
        step.prove("It is this issuer's statement that it read a genuine chip, no state document.")


def summary(story: Story, stage: Stage, verdict: Verdict, page: Page, folder: Path) -> None:
    """Tell the table at the end."""
    claims = scenes.told(page, "claims")
    files = {"verdict page": folder / "verdict.html", "QR picture": folder / "credential.png"}
    story.facts |= {
        "verdict": verdict.verdict,
        "reader": stage.reader.kind,
        "verdict_page": str(files["verdict page"]),
        "qr_picture": str(files["QR picture"]),
    }
    story.table(
        {
            "service": SERVICE,
            "verdict on the card": verdict.verdict,
            "account level (how proofed)": str(claims.get("eid_level")),
            "authentication level (now)": str(claims.get("eid_auth_level")),
            "acr in the ID token": str(claims.get("acr")),
            "time in all": f"{sum(step.seconds for step in story.steps):.1f} s",
        }
        | {name: str(path) for name, path in files.items()}
    )
    story.say("")
    story.say("Not proven by the chip:")
    for sentence in NOT_PROVEN:
        story.say(f"  - {sentence}")


def refused_as(fault: FaultCase, page: Page, stage: Stage) -> EidError:
    """The typed error of the refusal the page shows; the provider's record must agree."""
    met, audit = page.error_code or "no error", stage.installation.audit
    if met not in fault.codes or audit.count("code.issued") or audit.count("token.issued"):
        expected = ", ".join(sorted(fault.codes))
        raise Unavailable(
            f"The fault ended in {met}, not in {expected}, or somebody got a token.",
            code="demo.unexpected",
        )
    if fault.error is OAuthError:
        return OAuthError(met, fault.sentence)
    return fault.error(fault.sentence, code=met)


def _must_go_on(page: Page) -> None:
    if page.error_code is not None:
        raise Unavailable("The demo was refused on its way.", code=page.error_code)


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _nothing(_text: str) -> None:
    """For ``--json``: the story is told once, at the end."""
