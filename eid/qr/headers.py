"""The two headers of a COSE message: what they must say and must not (RFC 9052 §3).

>>> head = read_protected(cbor.encode({ALG: -7, KID: b"a key"}))
>>> head.alg, head.kid, head.typ
(-7, b'a key', None)

``alg`` stands in the protected header, an unknown label in ``crit`` is refused, and a label must
not say two things in the two headers.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import NamedTuple, TypeAlias

from eid.errors import FormatError
from eid.qr import cbor
from eid.qr.cbor import Cbor

ALG, CRIT, CONTENT_TYPE, KID, TYP = 1, 2, 3, 4, 16

Headers: TypeAlias = Mapping[int | str, Cbor]
NO_HEADERS: Headers = MappingProxyType({})

_UNDERSTOOD = frozenset({ALG, CRIT, CONTENT_TYPE, KID, TYP})
_KID_TYPES = (bytes, NoneType)
_TYP_TYPES = (str, int, NoneType)
_MAX_KEPT = 64


class Protected(NamedTuple):
    """A protected header, and what in it every message needs."""

    labels: Headers
    alg: int
    kid: bytes | None
    typ: str | int | None


def read_protected(raw: bytes) -> Protected:
    """Read a protected header. Short ones are the same in every message of a key, and are kept.

    ``FormatError``: ``qr.cbor``, ``qr.cose.crit``, ``qr.cose.alg`` or ``qr.cose.headers``.
    """
    return _kept(raw) if len(raw) <= _MAX_KEPT else _read(raw)


def check_unprotected(unprotected: Headers, protected: Headers) -> None:
    """``FormatError`` if the two headers contradict each other or critical labels stand outside."""
    for shared in protected.keys() & unprotected.keys():
        if cbor.encode(protected[shared]) != cbor.encode(unprotected[shared]):
            raise FormatError("The two headers contradict each other.", code="qr.cose.headers")
    if CRIT in unprotected:
        raise FormatError("Critical headers stand unprotected.", code="qr.cose.crit")


def kid_of(labels: Headers) -> bytes | None:
    """The key's name in one header; ``FormatError`` ``qr.cose.headers`` if it is no bytes."""
    kid = labels.get(KID)
    if not isinstance(kid, _KID_TYPES):
        raise _wrong_type()
    return kid


def _read(raw: bytes) -> Protected:
    labels = MappingProxyType(cbor.decode_map(raw) if raw else {})
    if CRIT in labels:
        _check_critical(labels[CRIT], labels)
    alg, typ = labels.get(ALG), labels.get(TYP)
    if not isinstance(alg, int) or isinstance(alg, bool):
        raise FormatError("The protected header names no algorithm.", code="qr.cose.alg")
    if not isinstance(typ, _TYP_TYPES):
        raise _wrong_type()
    return Protected(labels, alg, kid_of(labels), typ)


_kept = functools.lru_cache(maxsize=256)(_read)


def _check_critical(critical: Cbor, protected: Headers) -> None:
    if not isinstance(critical, list) or not critical:
        raise FormatError("The list of critical headers is empty.", code="qr.cose.crit")
    for label in critical:
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise FormatError("A critical header has no proper label.", code="qr.cose.crit")
        if label not in _UNDERSTOOD or label not in protected:
            raise FormatError("A critical header is not understood.", code="qr.cose.crit")


def _wrong_type() -> FormatError:
    return FormatError("A header has a value of the wrong type.", code="qr.cose.headers")
