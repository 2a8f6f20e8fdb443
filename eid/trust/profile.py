"""What a certificate must be for its role (ICAO Doc 9303-12 §7.1; TR-03105-5.1 LDS_H_50 to H_66).

Each function returns silently or raises the :class:`~eid.errors.VerificationError` that names
the rule: ``chain.key_usage``, ``chain.extension``, ``chain.ca``, ``algorithm.…`` and so on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from eid import tlv
from eid.errors import FormatError, Inconsistent, SignatureInvalid, UntrustedIssuer
from eid.trust.algorithms import SignatureAlgorithm
from eid.trust.certificates import Certificate, public_key
from eid.trust.public_keys import DhKey, DsaKey, RsaKey

SUBJECT_KEY_ID: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
USAGE_PERIOD: Final = "2.5.29.16"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
DOCUMENT_TYPES: Final = "2.23.136.1.1.6.2"
_KNOWN: Final = frozenset(
    {
        SUBJECT_KEY_ID,
        KEY_USAGE,
        USAGE_PERIOD,
        BASIC_CONSTRAINTS,
        AUTHORITY_KEY_ID,
        EXTENDED_KEY_USAGE,
        DOCUMENT_TYPES,
        "2.5.29.17",
        "2.5.29.18",
        "2.5.29.31",
        "2.5.29.32",
        "2.23.136.1.1.6.1",
    }
)
_DIGITAL_SIGNATURE: Final = 0
_KEY_CERT_SIGN: Final = 5
_CRL_SIGN: Final = 6
_MIN_SIGNER_BITS: Final = 2048
_REMEMBERED: Final = 1024
"""How many values of an extension are kept parsed: few differ, and all are public."""
_SIGNER_REFUSES: Final = frozenset(
    {
        "certificate.version",
        "certificate.algorithm_mismatch",
        "certificate.extension_duplicate",
        "certificate.generalized_time",
        "certificate.trailing",
    }
)
_CA_REFUSES: Final = frozenset(
    {"certificate.algorithm_mismatch", "certificate.extension_duplicate"}
)


def check_signer(certificate: Certificate) -> None:
    """A Document Signer: signs data, is no authority, and names its issuer's key."""
    _check_findings(certificate, _SIGNER_REFUSES)
    usage = certificate.extensions.get(KEY_USAGE)
    if usage is None or not usage.critical:
        raise Inconsistent("The signer has no critical key usage.", code="chain.key_usage")
    bits = key_usage(certificate)
    if _DIGITAL_SIGNATURE not in bits or bits & {_KEY_CERT_SIGN, _CRL_SIGN}:
        raise Inconsistent("The signer may not sign documents.", code="chain.key_usage")
    if EXTENDED_KEY_USAGE in certificate.extensions:
        raise Inconsistent("The signer is made for another use.", code="chain.key_usage")
    if is_authority(certificate):
        raise Inconsistent("The signer is an authority itself.", code="chain.ca")
    if not authority_key_id(certificate):
        raise Inconsistent("The signer does not name its issuer's key.", code="chain.extension")
    check_contents(certificate)


def check_contents(certificate: Certificate) -> None:
    """What every certificate must be: well formed, understood, with a usable key."""
    _check_findings(certificate, _SIGNER_REFUSES)
    _check_critical(certificate)
    check_key(certificate)


def check_authority(certificate: Certificate) -> None:
    """A CSCA or link certificate: may sign certificates."""
    _check_findings(certificate, _CA_REFUSES)
    if not is_authority(certificate):
        raise UntrustedIssuer("The issuer is not an authority.", code="chain.ca")
    if _KEY_CERT_SIGN not in key_usage(certificate):
        raise UntrustedIssuer("The issuer may not sign certificates.", code="chain.key_usage")
    _check_critical(certificate)
    check_key(certificate)


def may_sign_crls(certificate: Certificate) -> bool:
    """Whether the key usage holds cRLSign."""
    return _CRL_SIGN in key_usage(certificate)


def check_key(certificate: Certificate) -> None:
    """The key is readable, allowed and of sufficient size."""
    key = public_key(certificate)
    if isinstance(key, DhKey):
        raise Inconsistent("The key cannot sign.", code="algorithm.key")
    modulus = key.n if isinstance(key, RsaKey) else key.p if isinstance(key, DsaKey) else None
    if modulus is not None and modulus.bit_length() < _MIN_SIGNER_BITS:
        raise Inconsistent("The key is too short.", code="algorithm.key_size")


def check_sha1(algorithm: SignatureAlgorithm, *, insecure_allow_sha1: bool) -> None:
    """SHA-1 in any part is refused unless the legacy switch is on."""
    if algorithm.uses_sha1 and not insecure_allow_sha1:
        raise SignatureInvalid("A signature rests on SHA-1.", code="algorithm.sha1")


def key_usage(certificate: Certificate) -> frozenset[int]:
    """The bit numbers of the key usage; empty where it is absent. Raises ``FormatError``."""
    extension = certificate.extensions.get(KEY_USAGE)
    if extension is None:
        return frozenset()
    return _usage_bits(extension.value)


@lru_cache(maxsize=_REMEMBERED)
def _usage_bits(value: bytes) -> frozenset[int]:
    item = tlv.parse(value, ber=True)
    if item.tag != 0x03 or not 2 <= len(item.value) <= 3 or item.value[0] > 7:
        raise FormatError("A key usage is malformed.", code="certificate.extension")
    octets = item.value[1:]
    return frozenset(
        8 * index + bit
        for index, octet in enumerate(octets)
        for bit in range(8)
        if octet & (0x80 >> bit)
    )


def is_authority(certificate: Certificate) -> bool:
    """Whether basicConstraints says cA TRUE; an odd path length is not judged (UA, IT)."""
    extension = certificate.extensions.get(BASIC_CONSTRAINTS)
    if extension is None:
        return False
    return _says_authority(extension.value)


@lru_cache(maxsize=_REMEMBERED)
def _says_authority(value: bytes) -> bool:
    item, _ = tlv.parse_first(value, ber=True)
    if item.tag != 0x30 or not item.value:
        return False
    flag, _ = tlv.parse_first(item.value, ber=True)
    return flag.tag == 0x01 and len(flag.value) == 1 and flag.value != b"\x00"


def subject_key_id(certificate: Certificate) -> bytes:
    """The subject's key identifier, or empty. Raises ``FormatError``."""
    extension = certificate.extensions.get(SUBJECT_KEY_ID)
    if extension is None:
        return b""
    item = tlv.parse(extension.value, ber=True)
    if item.tag != 0x04:
        raise FormatError("A key identifier is malformed.", code="certificate.extension")
    return item.value


def authority_key_id(certificate: Certificate) -> bytes:
    """The issuer's key identifier, or empty. Raises ``FormatError``."""
    extension = certificate.extensions.get(AUTHORITY_KEY_ID)
    if extension is None:
        return b""
    return _issuer_key(extension.value)


@lru_cache(maxsize=_REMEMBERED)
def _issuer_key(value: bytes) -> bytes:
    item = tlv.parse(value, ber=True)
    found = tlv.find(tlv.children(item, ber=True), 0x80)
    return b"" if found is None else found.value


def document_types(certificate: Certificate) -> frozenset[str] | None:
    """The document types the signer may sign; ``None`` where it does not say."""
    extension = certificate.extensions.get(DOCUMENT_TYPES)
    if extension is None:
        return None
    parts = tlv.children(tlv.parse(extension.value, ber=True), ber=True)
    listed = tlv.children(tlv.only(parts, 0x31), ber=True)
    return frozenset(item.value.decode("ascii", "replace").strip("< ") for item in listed)


def _check_findings(certificate: Certificate, refused: frozenset[str]) -> None:
    for code in certificate.findings:
        if code in refused:
            raise Inconsistent("A certificate of the chain is malformed.", code=code)


def _check_critical(certificate: Certificate) -> None:
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in _KNOWN:
            raise Inconsistent("A critical extension is unknown.", code="chain.extension")
