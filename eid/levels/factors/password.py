"""Passwords: argon2id; long enough, and none that everybody knows (NIST SP 800-63B-4 §3.1.1).

>>> stored = hash_password("correct horse", insecure_fast_hash=True)
>>> check_password(stored, "correct horse"), check_password(stored, "wrong horse")
(True, False)
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from eid.errors import FormatError

MIN_CHARACTERS, MAX_CHARACTERS = 8, 128


def hash_password(password: str, *, insecure_fast_hash: bool = False) -> str:
    """An encoded argon2id hash (19 MiB, two passes).

    FormatError ``password.length``, or ``password.breached`` for one of a local list of those that
    are tried first, in Vietnam and elsewhere; case, and digits or signs at the end, do not help.
    """
    check_policy(password)
    return _hasher(insecure_fast_hash=insecure_fast_hash).hash(_normalize(password))


def check_policy(password: str) -> None:
    """What :func:`hash_password` refuses, without the work of hashing."""
    text = _normalize(password)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise FormatError(
            "The password must have 8 to 128 characters.",
            code="password.length",
            minimum=MIN_CHARACTERS,
            maximum=MAX_CHARACTERS,
        )
    if is_breached(text):
        raise FormatError(
            "This password is one of those that are guessed first.", code="password.breached"
        )


def hash_digits(text: str, *, insecure_fast_hash: bool = False) -> str:
    """The same hash, for digits whose rules :mod:`eid.levels.factors.pin` has checked."""
    return _hasher(insecure_fast_hash=insecure_fast_hash).hash(text)


def is_breached(password: str) -> bool:
    """Whether a password is on the list, whatever its case and its last digits and signs."""
    known = _breached()
    plain = _normalize(password).casefold()
    stem = plain.rstrip("0123456789!@#$%^&*._-")
    return plain in known or (len(stem) >= MIN_CHARACTERS and stem in known)


@cache
def _breached() -> frozenset[str]:
    file = resources.files("eid.levels.factors").joinpath("breached.txt")
    return frozenset(file.read_text(encoding="utf-8").split())


def check_password(stored: str, password: str) -> bool:
    """Whether the password is the one that was hashed; FormatError for a malformed hash."""
    text = _normalize(password[: MAX_CHARACTERS * 4])
    try:
        _hasher().verify(stored, text)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError) as error:
        raise FormatError("The stored password hash is malformed.", code="password") from error
    return True


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's strong ones."""
    return _hasher().check_needs_rehash(stored)


def _hasher(*, insecure_fast_hash: bool = False) -> PasswordHasher:
    if insecure_fast_hash:
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _normalize(password: str) -> str:
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode("utf-8")
