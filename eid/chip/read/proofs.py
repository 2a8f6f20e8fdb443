"""How the chip and the terminal prove themselves in the middle and at the end of a read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eid.chip import active_auth, chip_auth, terminal_auth
from eid.chip.apdu import EXTENDED
from eid.chip.card import Card
from eid.chip.domains import Rng
from eid.chip.evidence import ActiveAuthentication, ChallengeSource, ChipAuthentication
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.security_infos import SecurityInfos
from eid.chip.read.opening import Opened
from eid.errors import (
    FormatError,
    NotGenuine,
    ProtocolError,
    SecureMessagingError,
    StatusError,
)
from eid.trust.public_keys import RsaKey

ChipVerifier = Callable[[bytes], "chip_auth.ChipRequest | None"]
_TRUST_POINTS: Final = (0x011C, 0x1C)
_SHORT_SIGNATURE: Final = 200


def security_infos(dg14: bytes | None) -> SecurityInfos | None:
    """Read DG14 as far as the terminal needs it; one that cannot be read offers nothing."""
    try:
        return None if dg14 is None else parse_dg14(dg14)
    except FormatError:
        return None


def authenticate_chip(card: Card, dg14: bytes | None, rng: Rng) -> tuple[bytes, bytes] | None:
    """Run Chip Authentication; return the transcript and our compressed key.

    None: the chip has no usable key. A chip that refuses goes on in the session it is in; the
    transcript then tells the refusal and the key is empty. Else the next answer must come by the
    new session.
    """
    infos = security_infos(dg14)
    key = chip_auth.choose(infos) if infos else None
    if key is None:
        return None
    try:
        session, public = chip_auth.authenticate(card.exchange, key, rng=rng)
    except StatusError as error:
        return chip_auth.refusal(key.oid, error.sw), b""
    except FormatError as error:
        raise ProtocolError("The chip's key is not usable.", code="chip_auth.key") from error
    card.secure(session)
    return chip_auth.transcript(key.oid, public), key.domain.compress(public)


def authenticate_terminal(
    card: Card, identity: terminal_auth.TerminalIdentity, opened: Opened, terminal_key: bytes
) -> None:
    """Show the terminal's certificates and sign, so that the chip opens DG3 and DG4.

    A chip without a readable EF.CVCA is shown the chain that the terminal takes for the usual one.
    """
    try:
        points = terminal_auth.parse_trust_points(card.read_start(*_TRUST_POINTS))
    except (StatusError, FormatError):
        points = ()
    terminal_auth.authenticate(
        card.exchange,
        identity,
        trust_points=points,
        chip_name=opened.chip_name,
        terminal_key=terminal_key,
    )


def answer_challenge(
    card: Card, challenge: bytes, source: ChallengeSource, *, dg15: bytes | None
) -> ActiveAuthentication | None:
    """Have the chip answer; a chip that refuses gives no proof, which is for others to judge."""
    extended = card.extended is True and _signature_size(dg15) > _SHORT_SIGNATURE
    try:
        response = active_auth.challenge_chip(card.exchange, challenge, extended=extended)
    except StatusError:
        return None
    return ActiveAuthentication(challenge=challenge, response=response, source=source)


def _signature_size(dg15: bytes | None) -> int:
    """Bytes of the chip's answer, by its key; a key that cannot be read may answer at length."""
    try:
        key = parse_dg15(dg15 or b"")
    except FormatError:
        return EXTENDED
    if isinstance(key, RsaKey):
        return (key.n.bit_length() + 7) // 8
    return 2 * ((key.curve.n.bit_length() + 7) // 8)


def signs(files: dict[str, bytes], proof: ActiveAuthentication) -> bool:
    """Whether the chip behind DG15 gave this answer: enough for the terminal's own memory."""
    try:
        key = parse_dg15(files.get("EF.DG15", b""))
        active_auth.check(
            key, security_infos(files.get("EF.DG14")), proof.challenge, proof.response
        )
    except (FormatError, NotGenuine):
        return False
    return True


def relay_to_verifier(
    card: Card, dg14: bytes | None, verifier: ChipVerifier
) -> ChipAuthentication | None:
    """Have the chip answer the verifier's own session; the terminal's session ends with it."""
    request = None if dg14 is None else verifier(dg14)
    if request is None:
        return None
    try:
        answer = chip_auth.relay(card.exchange, card.relay, request)
    except StatusError as error:
        told = chip_auth.refusal(request.oid, error.sw)
        return ChipAuthentication(by="terminal", transcript=told)
    if len(answer) < 2:
        raise ProtocolError("The chip's answer is malformed.", code="chip_auth.answer")
    return ChipAuthentication(by="verifier", transcript=chip_auth.relayed(request, answer))


def unproven() -> SecureMessagingError:
    """Say what a session means that breaks right after Chip Authentication."""
    return SecureMessagingError(
        "The chip did not follow into the session of its own key.", code="chip_auth.unproven"
    )
