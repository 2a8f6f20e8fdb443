"""PINs: knowledge in six to twelve digits, for a kiosk or a telephone; argon2id, never a guess.

>>> usable("739164", ())
True
>>> usable("123456", ()), usable("170590", ("1990-05-17",)), usable("000001", ("001190000001",))
(False, False, False)
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from eid.errors import FormatError
from eid.levels.factors.password import check_password, hash_digits

MIN_DIGITS, MAX_DIGITS = 6, 12
_OFTEN = frozenset({"159753", "147258", "147258369", "258369", "142536", "102030", "101010"})
_FEWEST = 3


def hash_pin(pin: str, *, known: Iterable[str] = (), insecure_fast_hash: bool = False) -> str:
    """An encoded argon2id hash; FormatError ``pin.form``, or ``pin.guessed`` for one tried first.

    ``known`` are the person's numbers and dates: what is printed on a card is no secret, and the
    last six digits of the personal number open the chip for anybody.
    """
    if not MIN_DIGITS <= len(pin) <= MAX_DIGITS or not (pin.isascii() and pin.isdigit()):
        raise FormatError("A PIN has 6 to 12 digits.", code="pin.form")
    if not usable(pin, known):
        raise FormatError("This PIN is one of those that are guessed first.", code="pin.guessed")
    return hash_digits(pin, insecure_fast_hash=insecure_fast_hash)


def check_pin(stored: str, pin: str) -> bool:
    """Whether the PIN is the one that was hashed; FormatError for a malformed hash."""
    return check_password(stored, pin)


def usable(pin: str, known: Iterable[str]) -> bool:
    """Whether a PIN of digits is neither a pattern nor a part of what is known of the person."""
    digits = [int(digit) for digit in pin]
    steps = {after - before for before, after in pairwise(digits)}
    runs = len(steps) == 1  # one digit, or an even run up or down
    halves = any(pin == pin[:size] * (len(pin) // size) for size in (2, 3) if len(pin) % size == 0)
    few = len(set(digits)) < _FEWEST
    return not (runs or halves or few or pin in _OFTEN or pin in _parts(known))


def _parts(known: Iterable[str]) -> set[str]:
    """What somebody who knows the card would try: parts of numbers, and dates in every order."""
    found = set()
    for text in known:
        digits = "".join(filter(str.isdigit, text))
        found |= {
            digits[start:end]
            for start in range(len(digits))
            for end in range(start + MIN_DIGITS, len(digits) + 1)
        }
        if text.count("-") == 2:
            year, month, day = text.split("-")
            for parts in ((day, month), (month, day)):
                found |= {"".join((*parts, year)), "".join((*parts, year[2:]))}
                found |= {"".join((year, *parts)), "".join((year[2:], *parts))}
    return found
