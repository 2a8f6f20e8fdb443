r"""What an operator no longer takes, whatever its issuer says: ``deny.toml`` in the trust folder.

One certificate by its SHA-256 fingerprint, or all that a key issued in a window of time (say,
between the theft of a Document Signer's key and its revocation)::

    [[denied]]
    certificate = "9f86d081884c7d65…"      # 64 hexadecimal digits
    reason = "key stolen"

    [[denied]]
    issuer_key_id = "88918f5a25ece37a…"    # of the authority that issued the signers
    from = 2026-01-01T00:00:00Z
    until = 2026-02-01T00:00:00Z
    reason = "blank documents stolen"

The list is read strictly: a mistake in it is a ``SettingsError``, never a list that denies less.

>>> parse_deny_list(b'[[denied]]\ncertificate = "00"\nreason = "x"', "deny.toml")
Traceback (most recent call last):
    ...
eid.errors.SettingsError: The deny list cannot be used.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from eid import ec, tlv
from eid.errors import FormatError, SettingsError
from eid.trust.certificates import Certificate
from eid.trust.profile import authority_key_id
from eid.trust.signature import der_pair, plain_pair

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_KEY_ID: Final = re.compile(r"(?:[0-9a-f]{2}){4,64}")
_ONE: Final = {"certificate", "reason"}
_WINDOW: Final = {"issuer_key_id", "from", "until", "reason"}
MAX_DENIED: Final = 100_000
_ORDERS: Final = tuple(sorted({curve.n for curve in ec.CURVES.values()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Certificates of one issuing key whose validity starts in this time are denied."""

    issuer_key_id: bytes
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyList:
    """Fingerprints, and windows by issuing key."""

    certificates: frozenset[str] = frozenset()
    windows: tuple[Window, ...] = ()

    def denies(self, certificate: Certificate) -> bool:
        """Whether this certificate is denied; one with an unreadable issuer key is not excused."""
        if self.certificates and not self.certificates.isdisjoint(_fingerprints(certificate)):
            return True
        if not self.windows:
            return False
        try:
            key_id = authority_key_id(certificate)
        except FormatError:
            return True
        return any(
            window.issuer_key_id == key_id
            and window.first <= certificate.not_before <= window.last
            for window in self.windows
        )


NOTHING_DENIED: Final = DenyList()


def _fingerprints(certificate: Certificate) -> frozenset[str]:
    """The fingerprints of every way to write this certificate; whoever is denied picks another one.

    What is signed is one string of bytes. Around it the lengths may be written longer than DER has
    them, and of each ECDSA signature (r, s) there is a twin (r, order - s) that verifies as well.
    """
    written = _written(certificate.tbs, certificate.signature_algorithm.raw, certificate.signature)
    return written | {certificate.fingerprint}


@lru_cache(maxsize=1024)
def _written(tbs: bytes, algorithm: bytes, signature: bytes) -> frozenset[str]:
    def fingerprint(value: bytes) -> str:
        bits = tlv.encode(0x03, b"\0", value)
        return hashlib.sha256(tlv.encode(0x30, tbs, algorithm, bits)).hexdigest()

    return frozenset(fingerprint(value) for value in (signature, *_twins(signature)))


def _twins(signature: bytes) -> Iterator[bytes]:
    """The other signature, for each curve that it may be of; its issuer's key is not known here."""
    pair = der_pair(signature)
    for order in _ORDERS:
        if pair is not None and 0 < pair[1] < order:
            numbers = (pair[0], order - pair[1])
            yield tlv.encode(
                0x30, *(tlv.encode(0x02, tlv.encode_int(number)) for number in numbers)
            )
        plain = plain_pair(signature, order)
        if plain is not None and 0 < plain[1] < order:
            size = len(signature) // 2
            yield signature[:size] + (order - plain[1]).to_bytes(size, "big")


def parse_deny_list(data: bytes, file: str) -> DenyList:
    """Read ``deny.toml``; anything out of form is a ``SettingsError``."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise _wrong(file, "", "a readable TOML file") from error
    entries = document.get("denied", [])
    if set(document) - {"denied"} or not isinstance(entries, list) or len(entries) > MAX_DENIED:
        raise _wrong(file, "denied", "tables named [[denied]] and nothing else")
    certificates = set()
    windows = []
    for number, entry in enumerate(entries, 1):
        where = f"denied {number}"
        if isinstance(entry, dict) and set(entry) == _ONE:
            certificates.add(_hexadecimal(entry["certificate"], _FINGERPRINT, file, where))
        elif isinstance(entry, dict) and set(entry) == _WINDOW:
            windows.append(_window(entry, file, where))
        else:
            raise _wrong(file, where, "certificate, or issuer_key_id with from and until; reason")
    return DenyList(certificates=frozenset(certificates), windows=tuple(windows))


def _window(entry: Mapping[str, object], file: str, where: str) -> Window:
    first, last = entry["from"], entry["until"]
    expected = "from and until as moments with a time zone, in this order"
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise _wrong(file, where, expected)
    if first.tzinfo is None or last.tzinfo is None or first > last:
        raise _wrong(file, where, expected)
    key_id = _hexadecimal(entry["issuer_key_id"], _KEY_ID, file, where)
    return Window(issuer_key_id=bytes.fromhex(key_id), first=first, last=last)


def _hexadecimal(value: object, form: re.Pattern[str], file: str, where: str) -> str:
    text = value.lower() if isinstance(value, str) else ""
    if not form.fullmatch(text):
        raise _wrong(file, where, "hexadecimal digits")
    return text


def _wrong(file: str, key: str, expected: str) -> SettingsError:
    return SettingsError(
        "The deny list cannot be used.",
        code="settings.deny_list",
        file=file,
        key=key,
        expected=expected,
    )
