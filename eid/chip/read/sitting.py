"""One sitting with a card: what was read and proven, kept over the card's absences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from eid.chip import chip_auth
from eid.chip.apdu import SW_FILE_NOT_FOUND
from eid.chip.card import Card
from eid.chip.evidence import (
    ActiveAuthentication,
    ChallengeSource,
    ChipAuthentication,
    Evidence,
)
from eid.chip.lds.files import FILES
from eid.chip.lds.sod import parse_security_object, parse_sod
from eid.chip.plan import Plan
from eid.chip.read import proofs
from eid.chip.read.opening import Door, Opened, open_chip
from eid.chip.terminal_auth import TerminalIdentity
from eid.chip.transport import ReaderInfo
from eid.errors import AccessDenied, FormatError, SecureMessagingError, StatusError

Step = Literal["access", "file", "proof"]

_PORTRAIT: Final = "EF.DG2"
_IDENTITY: Final = ("EF.SOD", "EF.DG14", "EF.DG15")


class PortraitCache(Protocol):
    """Keeps DG2 by the digest of the EF.SOD it belongs to."""

    def get(self, sod_digest: bytes) -> bytes | None:
        """Return the file, or None."""
        ...

    def put(self, sod_digest: bytes, content: bytes) -> None:
        """Keep the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was just finished: ``done`` of ``total`` steps; ``file`` where it was a file.

    ``finding`` is ``chip_auth.refused`` where the chip refused the proof that came with the step.
    """

    step: Step
    done: int
    total: int
    file: str | None = None
    finding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller asks of a read."""

    plan: Plan
    challenge: bytes | None = field(repr=False)
    challenge_source: ChallengeSource
    chip_verifier: proofs.ChipVerifier | None
    terminal: TerminalIdentity | None
    cache: PortraitCache | None
    progress: Callable[[Progress], None] | None


class Sitting:
    """A read in the making; its repr, and so a traceback, shows nothing of it."""

    def __init__(self, wishes: Wishes, door: Door) -> None:
        self._wishes = wishes
        self._door = door
        self._files: dict[str, bytes] = {}
        self._absent: set[str] = set()
        self._earlier: dict[str, bytes] = {}
        self._opened: Opened | None = None
        self._answer: ActiveAuthentication | None = None
        self._chip: ChipAuthentication | None = None
        self._refusal: ChipAuthentication | None = None
        self._finding: str | None = None
        self._awaiting_proof = False
        self._from_cache = False
        self._done = 0

    def run(self, card: Card) -> None:
        """Read what is missing; after CardRemoved it may run again, with the card that is back."""
        self._earlier, self._files, self._absent = self._earlier | self._files, {}, set()
        self._answer, self._chip, self._awaiting_proof, self._done = None, None, False, 0
        self._refusal = self._finding = None
        try:
            card, self._opened = open_chip(card, self._door)
            self._files.update(self._opened.files)
            self._finished("access")
            if self._earlier:
                self._recognise(card)
            for name in self._wishes.plan.files:
                self._take(card, name)
                self._finished("file", name)
            self._prove(card)
            self._finished("proof")
        except SecureMessagingError as error:
            if self._awaiting_proof:
                raise proofs.unproven() from error
            raise
        finally:
            card.wipe()

    def evidence(self, reader: ReaderInfo, at: datetime) -> Evidence:
        """Return what was read, once :meth:`run` has come to its end."""
        if self._opened is None:
            raise ValueError("nothing was read")
        self._keep_portrait()
        return Evidence(
            files=self._files,
            access=self._opened.access,
            active_authentication=self._answer,
            chip_authentication=self._chip or self._refusal,
            reader=reader,
            read_at=at.replace(microsecond=0),
        )

    def _recognise(self, card: Card) -> None:
        """Keep what was read before only if the chip that is back proves the same key."""
        for name in _IDENTITY:
            if name in self._wishes.plan.files:
                self._take(card, name, anew=True)
        same = all(self._files.get(n) == self._earlier.get(n) for n in _IDENTITY)
        if not (same and self._proves_itself(card)):
            self._earlier = {}

    def _proves_itself(self, card: Card) -> bool:
        if self._chip is not None:
            self._confirm(card)
            return True
        challenge = self._wishes.challenge
        if challenge is None:
            return False
        answer = self._ask(card, challenge)
        return answer is not None and proofs.signs(self._files, answer)

    def _take(self, card: Card, name: str, *, anew: bool = False) -> None:
        """Take a file from before, from the cache or from the chip."""
        if name in self._files or name in self._absent:
            return
        if not anew and name in self._earlier:
            self._files[name] = self._earlier[name]
            return
        cached = self._cached(name)
        if cached is not None:
            self._files[name], self._from_cache = cached, True
            return
        file = FILES[name]
        try:
            self._files[name] = card.read_file(file.fid, file.sfi, small=name == "EF.DG1")
        except StatusError as error:
            if error.sw != SW_FILE_NOT_FOUND:
                message = f"The card refused {name} ({error.sw:04X})."
                raise StatusError(message, sw=error.sw, step=name) from error
            self._absent.add(name)
        self._awaiting_proof = False
        if name == "EF.DG14":
            self._authenticate(card)

    def _authenticate(self, card: Card) -> None:
        """Run the proofs that DG14 allows."""
        opened, terminal = self._current(), self._wishes.terminal
        terminal_key = opened.terminal_key
        if opened.transcript is not None:
            self._chip = _terminal(chip_auth.mapping_transcript(*opened.transcript))
        elif self._wishes.plan.chip_authentication:
            found = proofs.authenticate_chip(card, self._files.get("EF.DG14"), self._door.rng)
            if found is not None and found[1]:
                self._chip, terminal_key = _terminal(found[0]), found[1]
                self._awaiting_proof = True
            elif found is not None:
                self._refusal, self._finding = _terminal(found[0]), "chip_auth.refused"
        if terminal is None:
            return
        if not terminal_key:
            message = "The chip did not prove its key, so it takes no terminal's."
            raise AccessDenied(message, code="terminal.no_chip_authentication")
        proofs.authenticate_terminal(card, terminal, opened, terminal_key)
        self._awaiting_proof = False

    def _prove(self, card: Card) -> None:
        """Run the proofs that end a read: Active Authentication, and the verifier's own session."""
        challenge = self._wishes.challenge
        if challenge is not None and "EF.DG15" not in self._absent:
            self._answer = self._ask(card, challenge)
            self._awaiting_proof = False
        if self._awaiting_proof:
            self._confirm(card)
        if self._wishes.chip_verifier is not None:
            relayed = proofs.relay_to_verifier(
                card, self._files.get("EF.DG14"), self._wishes.chip_verifier
            )
            self._chip = relayed or self._chip

    def _ask(self, card: Card, challenge: bytes) -> ActiveAuthentication | None:
        source, dg15 = self._wishes.challenge_source, self._files.get("EF.DG15")
        return proofs.answer_challenge(card, challenge, source, dg15=dg15)

    def _confirm(self, card: Card) -> None:
        """Have the chip answer one command in the session of its own key."""
        card.exchange(chip_auth.PROOF)
        self._awaiting_proof = False

    def _cached(self, name: str) -> bytes | None:
        """Return the cached portrait of a chip that has proven its key, if EF.SOD has its hash."""
        cache = self._wishes.cache
        if cache is None or name != _PORTRAIT or self._chip is None or self._awaiting_proof:
            return None
        content = cache.get(hashlib.sha256(self._files.get("EF.SOD", b"")).digest())
        return content if content is not None and self._hashed(content) else None

    def _keep_portrait(self) -> None:
        cache, content = self._wishes.cache, self._files.get(_PORTRAIT)
        if cache is None or content is None or self._from_cache or not self._hashed(content):
            return
        cache.put(hashlib.sha256(self._files["EF.SOD"]).digest(), content)

    def _hashed(self, content: bytes) -> bool:
        """Whether EF.SOD, as yet unverified, holds the hash of this portrait."""
        try:
            signed = parse_sod(self._files.get("EF.SOD", b""))
            sod = parse_security_object(signed.content)
        except FormatError:
            return False
        return sod.hashes.get(2) == sod.digest.of(content)

    def _current(self) -> Opened:
        if self._opened is None:
            raise ValueError("the chip is not open")
        return self._opened

    def _finished(self, step: Step, file: str | None = None) -> None:
        self._done += 1
        listener = self._wishes.progress
        if listener is not None:
            total = len(self._wishes.plan.files) + 2
            note, self._finding = self._finding, None
            listener(Progress(step=step, done=self._done, total=total, file=file, finding=note))


def _terminal(transcript: bytes) -> ChipAuthentication:
    return ChipAuthentication(by="terminal", transcript=transcript)
