"""A CSCA master list of the test issuer, and the oddities that real lists hold (9303-12 §9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from eid import tlv
from eid.testing import certificates, der
from eid.testing.certificates import Issuer, Key, Validity
from eid.testing.sod import BY_THE_RULES, SignedForm, Signer, signed_data

CSCA_MASTER_LIST = "2.23.136.1.1.2"
_LIST_SIGNING = "2.23.136.1.1.3"


def list_signer(
    issuer: Issuer, subject: bytes, key: Key, validity: Validity, *, purpose: str = _LIST_SIGNING
) -> Signer:
    """A certificate that may sign lists, with its key."""
    serial = 0x51
    usage = certificates.extension("2.5.29.15", der.bits(b"\x80", unused=7), critical=True)
    purposes = certificates.extension("2.5.29.37", der.sequence(der.oid(purpose)), critical=True)
    key_ids = (
        certificates.extension("2.5.29.14", der.octets(key.identifier)),
        certificates.extension("2.5.29.35", der.sequence(der.implicit(0, issuer.key.identifier))),
    )
    certificate = certificates.certificate(
        issuer,
        serial=serial,
        subject=subject,
        validity=validity,
        key=key,
        extensions=(usage, purposes, *key_ids),
    )
    named = der.sequence(issuer.name, der.integer(serial))
    return Signer(key=key, certificate=certificate, issuer_and_serial=named)


def master_list(
    entries: Collection[bytes],
    signer: Signer,
    signing_time: datetime | None,
    *,
    form: SignedForm = BY_THE_RULES,
) -> bytes:
    """CMS around CscaMasterList, version 0."""
    content = der.sequence(der.integer(0), der.set_of(*entries))
    return signed_data(content, signer, CSCA_MASTER_LIST, signing_time, form)


def with_trailing_data(certificate: bytes) -> bytes:
    """Bytes inside the outer SEQUENCE's length, behind the signature, as AE, AT and JP have."""
    outer = tlv.parse(certificate)
    return tlv.encode(0x30, outer.value, b"\x00\x00")
