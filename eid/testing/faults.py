"""Named misbehaviour: images of forged cards, and chips that break off or answer wrongly.

>>> from eid.testing.card_image import CardImage
>>> from eid.testing.softcard import SoftwareCard
>>> image = CardImage(files={"EF.CardAccess": bytes(3)}, can="123456")
>>> SoftwareCard(image, faults=[Fault("naked", at=1)]).transmit(bytes.fromhex("00B09C0000")).hex()
'6988'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric import rsa

from eid.errors import FormatError
from eid.testing.card_image import CardImage, private_key_der

Kind = Literal["pull", "random", "flip", "naked", "short", "long", "missing_status"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_NAKED = b"\x69\x88"
_LAST_LINE_OF_TD1 = 65


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at the ``at``-th command of a card (from 1; 0 is every command).

    ``pull``: the card is gone. ``random``: the answer is noise of the same length. ``flip``: one
    bit of it is wrong. ``naked``: an unprotected 6988. ``short``: one byte. ``long``: bytes are
    added. ``missing_status``: a protected answer without DO'99'.
    """

    kind: Kind
    at: int = 0

    def due(self, count: int) -> bool:
        """Whether it strikes at this command."""
        return self.at in (0, count)

    def spoil(self, answer: bytes, rng: Callable[[int], bytes]) -> bytes:
        """Return the answer as the faulty chip sends it."""
        match self.kind:
            case "random":
                return rng(len(answer))
            case "flip":
                middle = len(answer) // 2
                return answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]
            case "naked":
                return _NAKED
            case "short":
                return answer[:1]
            case "long":
                return rng(16) + answer
            case "pull" | "missing_status":
                return answer

    def to_text(self) -> str:
        """Write as ``kind@at``."""
        return f"{self.kind}@{self.at}"

    @staticmethod
    def from_text(text: str) -> Fault:
        """Read ``kind@at``; anything else is a FormatError."""
        name, _, number = text.partition("@")
        kind = next((known for known in KINDS if known == name), None)
        if kind is None or not (number.isascii() and number.isdigit() and len(number) < 7):
            raise FormatError("The fault has no known name and place.", code="testing.fault")
        return Fault(kind, int(number))


def pulled(at_apdu: int) -> Fault:
    """The card leaves the field when its n-th command arrives."""
    return Fault("pull", at_apdu)


def tampered_dg1(image: CardImage) -> CardImage:
    """The same card with another name in DG1, under unchanged check digits and signature."""
    dg1 = bytearray(image.files["EF.DG1"])
    dg1[_LAST_LINE_OF_TD1] = ord("A") if dg1[_LAST_LINE_OF_TD1] != ord("A") else ord("B")
    return replace(image, files={**image.files, "EF.DG1": bytes(dg1)})


def cloned(image: CardImage, *, key: rsa.RSAPrivateKey | None = None) -> CardImage:
    """A copy of every file in a chip that does not have the original's private key."""
    own = key or rsa.generate_private_key(65537, 2048)
    return replace(image, aa_private_key=private_key_der(own), ca_private_keys=())


def forced(blocks: Iterable[bytes], then: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A source of randomness that gives these blocks first, for vectors and leading zeros."""
    waiting = list(blocks)

    def rng(size: int) -> bytes:
        if not waiting:
            return then(size)
        block = waiting.pop(0)
        if len(block) != size:
            raise ValueError("The forced block does not have the size that is asked for.")
        return block

    return rng
