"""The document security object of a test card: CMS SignedData (9303-10 §4.6.2, RFC 5652 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from eid import tlv
from eid.testing import der
from eid.testing.certificates import Key, signature_algorithm

LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())


def lds_security_object(hashes: Mapping[int, bytes]) -> bytes:
    """LDSSecurityObject version 0: the SHA-256 digest of each data group by its number."""
    entries = (
        der.sequence(der.integer(number), der.octets(digest))
        for number, digest in sorted(hashes.items())
    )
    return der.sequence(der.integer(0), _SHA256, der.sequence(*entries))


def security_object(
    content: bytes,
    *,
    key: Key,
    certificate: bytes,
    issuer_and_serial: bytes,
    content_type: str = LDS_SECURITY_OBJECT,
    signing_time: datetime | None = None,
) -> bytes:
    """EF.SOD around ``content``: ECDSA with SHA-256 over signed attributes, signer included."""
    attributes = _signed_attributes(content, content_type, signing_time)
    signature = key.sign(der.set_of(*attributes), "sha256")
    signer_info = der.sequence(
        der.integer(1),
        issuer_and_serial,
        _SHA256,
        der.explicit(0, *sorted(attributes)),
        signature_algorithm("sha256"),
        der.octets(signature),
    )
    signed_data = der.sequence(
        der.integer(3),
        der.set_of(_SHA256),
        der.sequence(der.oid(content_type), der.explicit(0, der.octets(content))),
        der.explicit(0, certificate),
        der.set_of(signer_info),
    )
    return tlv.encode(0x77, der.sequence(der.oid(_SIGNED_DATA), der.explicit(0, signed_data)))


def _signed_attributes(
    content: bytes, content_type: str, signing_time: datetime | None
) -> tuple[bytes, ...]:
    attributes = [
        der.sequence(der.oid(_CONTENT_TYPE), der.set_of(der.oid(content_type))),
        der.sequence(der.oid(_MESSAGE_DIGEST), der.set_of(der.octets(sha256(content).digest()))),
    ]
    if signing_time is not None:
        attributes.append(der.sequence(der.oid(_SIGNING_TIME), der.set_of(der.time(signing_time))))
    return tuple(attributes)
