"""The card agent: from a provider's signed request to evidence in its hands (card login 2-4).

No web framework here: strings in, strings out. The person's agreement is a step of its own, the
card must be presented after it, and the agent judges nothing: what it sends is evidence.

>>> number_from("079199000001||NGUYEN VAN THU|01011999|Nam|Ha Noi|01012024")
'079199000001'
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from eid.chip.access import PersonalNumber, can_from_number, personal_number
from eid.chip.evidence import Evidence
from eid.chip.read import Progress, read
from eid.chip.transport import Transport
from eid.errors import (
    CardError,
    EidError,
    FormatError,
    ReaderError,
    RequestRefused,
    SignatureInvalid,
)
from eid.kiosk.consent import ConsentRecord, consent_to
from eid.kiosk.desk import Desk
from eid.kiosk.identity import Identity
from eid.kiosk.joined import Joined
from eid.kiosk.outbound import IssuerKeys, deliver, seal
from eid.kiosk.request import CardRequest, accept
from eid.kiosk.screens import READING, Session, advance
from eid.kiosk.sessions import SeenOnce, Waiting, WaitingRoom
from eid.kiosk.settings import AgentSettings, PinnedIssuer

_log = logging.getLogger("eid.kiosk")
_MAX_INPUT = 512
_READ_S = 30.0
_LOGIN = Session(screen="login")

Connect = Callable[[float], Transport]
"""Waits at most so many seconds for a card presented from now on, and connects to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The same request with a fresh form, and what another try may cure."""

    waiting: Waiting
    error: EidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Where the browser goes back to, and the consent on which the card was read."""

    location: str
    consent: ConsentRecord


class Agent:
    """One reader, the requests that wait at it, and what was seen before."""

    def __init__(  # noqa: PLR0913 - the parts of one agent
        self,
        settings: AgentSettings,
        *,
        connect: Connect,
        issuer_keys: IssuerKeys | None = None,
        identity: Identity | None = None,
        desk: Desk | None = None,
        reader_lock: threading.Lock | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._connect = connect
        self._keys = issuer_keys or IssuerKeys()
        self._clock = clock
        self._seen = SeenOnce()
        self._room = WaitingRoom()
        self._identity = identity
        self._desk = desk
        self._reader = reader_lock or threading.Lock()
        self._joined = Joined[Answer | Again]()
        self.delivered: str | None = None

    def check_host(self, host: str | None) -> None:
        """RequestRefused unless the browser asked for exactly this address (DNS rebinding)."""
        if host != self.settings.listen:
            raise RequestRefused("This address is not the card agent's.", code="agent.host")

    def check_own_origin(self, origin: str | None) -> None:
        """RequestRefused unless the form stood on the agent's own page."""
        if origin != self.settings.origin:
            raise RequestRefused("The form is not the card agent's own.", code="agent.origin")

    def begin(self, token: str, *, origin: str | None) -> Waiting:
        """Accept a signed request from its issuer's own page, once, and let it wait."""
        pinned = self.settings.pinned(origin or "")
        if pinned is None:
            raise RequestRefused("This page may not ask for a card.", code="agent.origin")
        at = self._clock()
        request = self._accept(token, pinned, at)
        if not self._seen.first(request.jti, until=request.useful_until, at=at):
            raise RequestRefused("This request was used before.", code="agent.replayed")
        return self._room.add(request, at=at)

    def decline(self, waiting_id: str, form_token: str) -> None:
        """End a request without reading anything."""
        self._room.take(waiting_id, form_token, at=self._clock())

    def agree(
        self, waiting_id: str, form_token: str, number_text: str, *, text_version: str
    ) -> Answer | Again:
        """Spend the form, record the agreement, read the card presented now, and deliver.

        A slip of the person or the card comes back as Again; any other error is raised and ends
        the request. A form that is sent twice while the card is read is one agreement.
        """
        key = f"{waiting_id}.{form_token}"
        work = partial(self._agree, waiting_id, form_token, number_text, text_version)
        return self._joined.run(key, work)

    def _agree(
        self, waiting_id: str, form_token: str, number_text: str, text_version: str
    ) -> Answer | Again:
        waiting = self._room.take(waiting_id, form_token, at=self._clock())
        try:
            return self._deliver(waiting.request, number_text, text_version)
        except (CardError, FormatError) as error:
            return Again(waiting=self._room.renew(waiting), error=error)

    def _deliver(self, request: CardRequest, number_text: str, text_version: str) -> Answer:
        at = self._clock()
        number = number_from(number_text)
        consent = consent_to(request, text_version=text_version, at=at)
        _log.info("%s", consent.line())
        session = advance(_LOGIN, "login_agree", consent=consent, number=number)
        evidence = self._read(request, session)
        handle = deliver(self._seal(evidence, request), request)
        self.delivered = request.jti
        joint = "&" if "?" in request.return_uri else "?"
        location = request.return_uri + joint + urlencode({"handle": handle})
        return Answer(location=location, consent=consent)

    def _accept(self, token: str, pinned: PinnedIssuer, at: datetime) -> CardRequest:
        try:
            return accept(token, pinned, self._keys(pinned), at=at)
        except SignatureInvalid:
            # the provider may have rotated its keys since they were fetched
            return accept(token, pinned, self._keys(pinned, max_age_s=10.0), at=at)

    def _seal(self, evidence: Evidence, request: CardRequest) -> str:
        pinned = next(item for item in self.settings.issuers if item.issuer == request.issuer)
        keys = self._keys(pinned)
        return seal(evidence, request, keys, identity=self._identity, at=self._clock())

    def _read(self, request: CardRequest, session: Session) -> Evidence:
        if session.screen not in READING or session.consent is None or session.number is None:
            raise TypeError("nothing is read without a consent record and a number")
        at = self._clock()
        left = (request.useful_until - at).total_seconds()
        if not self._reader.acquire(blocking=False):
            raise ReaderError("The reader is reading another card.", code="agent.busy")
        try:
            with closing(self._connect(min(self.settings.card_wait_s, left))) as transport:
                return read(
                    transport,
                    can_from_number(session.number),
                    plan=request.plan,
                    progress=self._progress,
                    challenge=request.challenge,
                    deadline_s=_READ_S,
                    at=self._clock(),
                )
        finally:
            self._reader.release()

    def _progress(self, step: Progress) -> None:
        if self._desk is not None:
            self._desk.show(done=step.done, total=step.total)


def number_from(text: str) -> PersonalNumber:
    """The number as typed (spaces allowed) or as scanned from the card's printed QR.

    FormatError (``agent.number``) when there is none; the input is in no message.
    """
    if len(text) > _MAX_INPUT:
        raise FormatError("This is not a personal number.", code="agent.number")
    try:
        return personal_number(text.split("|", 1)[0].replace(" ", ""))
    except EidError as e:
        raise FormatError("A personal number has twelve digits.", code="agent.number") from e
