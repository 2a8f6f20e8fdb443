"""Public keys out of SubjectPublicKeyInfo, with bounds (RFC 5280 §4.1.2.7; RFC 3279; RFC 5480).

Explicit curve parameters are taken only where all of them equal a known curve. A key outside the
allow-list is a FormatError whose code starts with ``key.``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eid import ec, tlv
from eid.errors import FormatError

RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
DSA: Final = "1.2.840.10040.4.1"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
DH_X942: Final = "1.2.840.10046.2.1"
DH_PKCS3: Final = "1.2.840.113549.1.3.1"

_MAX_SPKI: Final = 8192
MIN_RSA_BITS: Final = 1024
MAX_RSA_BITS: Final = 8192
_MAX_EXPONENT_BITS: Final = 64
MIN_DH_BITS: Final = 1024
_DSA_SIZES: Final = frozenset({(1024, 160), (2048, 224), (2048, 256), (3072, 256)})


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaKey:
    """Modulus and exponent; 1024 to 8192 bits, odd exponent of at least 3."""

    n: int
    e: int
    pss_parameters: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EcKey:
    """A point of a known curve; never infinity."""

    curve: ec.Curve
    point: ec.Point
    explicit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DsaKey:
    """DSA domain and public value."""

    p: int
    q: int
    g: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DhKey:
    """Diffie-Hellman domain and public value; ``q`` where the domain names it."""

    p: int
    g: int
    q: int | None
    y: int


PublicKey = RsaKey | EcKey | DsaKey | DhKey


def parse_public_key(spki: bytes) -> PublicKey:
    """Parse one SubjectPublicKeyInfo. Raises ``FormatError``."""
    if len(spki) > _MAX_SPKI:
        raise FormatError("A public key is too long.", code="key.size")
    outer = tlv.parse(spki, ber=True)
    parts = tlv.children(outer, ber=True) if outer.tag == 0x30 else ()
    if [part.tag for part in parts] != [0x30, 0x03]:
        raise FormatError("A public key is malformed.", code="key.format")
    algorithm = tlv.children(parts[0], ber=True)
    if not 1 <= len(algorithm) <= 2 or algorithm[0].tag != 0x06:
        raise FormatError("A key algorithm is malformed.", code="key.format")
    oid = tlv.decode_oid(algorithm[0].value)
    read = _READERS.get(oid)
    if read is None:
        raise FormatError("A key algorithm is not supported.", code="key.algorithm", oid=oid)
    parameters = algorithm[1] if len(algorithm) == 2 else None
    return read(parameters, bit_string(parts[1]))


def bit_string(item: tlv.Tlv) -> bytes:
    """The octets of a BIT STRING without unused bits. Raises ``FormatError``."""
    if item.tag != 0x03 or not item.value or item.value[0] != 0:
        raise FormatError("A bit string is malformed.", code="key.format")
    return item.value[1:]


def _rsa(parameters: tlv.Tlv | None, octets: bytes) -> RsaKey:
    if parameters is not None and parameters.raw != b"\x05\x00":
        raise FormatError("RSA key parameters must be NULL.", code="key.format")
    return _rsa_key(octets, None)


def _rsa_pss(parameters: tlv.Tlv | None, octets: bytes) -> RsaKey:
    return _rsa_key(octets, None if parameters is None else parameters.raw)


def _rsa_key(octets: bytes, pss_parameters: bytes | None) -> RsaKey:
    outer = tlv.parse(octets)
    parts = tlv.children(outer) if outer.tag == 0x30 else ()
    if len(parts) != 2:
        raise FormatError("An RSA key is malformed.", code="key.format")
    n, e = (positive(part) for part in parts)
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS or n % 2 == 0:
        raise FormatError("An RSA modulus is out of bounds.", code="key.rsa")
    if e < 3 or e % 2 == 0 or e.bit_length() > _MAX_EXPONENT_BITS:
        raise FormatError("An RSA exponent is out of bounds.", code="key.rsa")
    return RsaKey(n=n, e=e, pss_parameters=pss_parameters)


def _ec(parameters: tlv.Tlv | None, octets: bytes) -> EcKey:
    if parameters is None:
        raise FormatError("An EC key has no parameters.", code="key.curve")
    try:
        curve = ec.from_parameters(parameters)
        point = ec.decode_point(curve, octets)
    except FormatError as error:
        raise FormatError("An EC key is not on an allowed curve.", code="key.curve") from error
    return EcKey(curve=curve, point=point, explicit=parameters.tag == 0x30)


def _dsa(parameters: tlv.Tlv | None, octets: bytes) -> DsaKey:
    if parameters is None or parameters.tag != 0x30:
        raise FormatError("A DSA key has no parameters.", code="key.dsa")
    domain = tlv.children(parameters)
    if len(domain) != 3:
        raise FormatError("DSA parameters are malformed.", code="key.dsa")
    p, q, g = (positive(part) for part in domain)
    y = positive(tlv.parse(octets))
    if (p.bit_length(), q.bit_length()) not in _DSA_SIZES or (p - 1) % q:
        raise FormatError("DSA parameters are out of bounds.", code="key.dsa")
    if not 1 < g < p - 1 or not 1 < y < p - 1 or pow(g, q, p) != 1 or pow(y, q, p) != 1:
        raise FormatError("A DSA key is out of its group.", code="key.dsa")
    return DsaKey(p=p, q=q, g=g, y=y)


def _dh_x942(parameters: tlv.Tlv | None, octets: bytes) -> DhKey:
    domain = () if parameters is None or parameters.tag != 0x30 else tlv.children(parameters)
    if len(domain) < 3:
        raise FormatError("DH parameters are malformed.", code="key.dh")
    p, g, q = (positive(part) for part in domain[:3])
    return _dh_key(p, g, q, octets)


def _dh_pkcs3(parameters: tlv.Tlv | None, octets: bytes) -> DhKey:
    domain = () if parameters is None or parameters.tag != 0x30 else tlv.children(parameters)
    if len(domain) < 2:
        raise FormatError("DH parameters are malformed.", code="key.dh")
    p, g = (positive(part) for part in domain[:2])
    return _dh_key(p, g, None, octets)


def _dh_key(p: int, g: int, q: int | None, octets: bytes) -> DhKey:
    y = positive(tlv.parse(octets))
    if not MIN_DH_BITS <= p.bit_length() <= MAX_RSA_BITS or p % 2 == 0:
        raise FormatError("A DH modulus is out of bounds.", code="key.dh")
    if not 1 < g < p - 1 or not 1 < y < p - 1:
        raise FormatError("A DH key is degenerate.", code="key.dh")
    if q is not None and ((p - 1) % q or pow(g, q, p) != 1 or pow(y, q, p) != 1):
        raise FormatError("A DH key is out of its group.", code="key.dh")
    return DhKey(p=p, g=g, q=q, y=y)


def positive(item: tlv.Tlv) -> int:
    """A positive INTEGER. Raises ``FormatError``."""
    number = tlv.decode_int(item.value) if item.tag == 0x02 else 0
    if number <= 0:
        raise FormatError("A key number is not positive.", code="key.format")
    return number


_READERS: Final[Mapping[str, Callable[[tlv.Tlv | None, bytes], PublicKey]]] = MappingProxyType(
    {
        RSA_ENCRYPTION: _rsa,
        RSASSA_PSS: _rsa_pss,
        DSA: _dsa,
        EC_PUBLIC_KEY: _ec,
        DH_X942: _dh_x942,
        DH_PKCS3: _dh_pkcs3,
    }
)
