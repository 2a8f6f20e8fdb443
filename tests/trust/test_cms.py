"""SignedData: built by hand with one thing wrong at a time."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from eid import tlv
from eid.errors import EidError, FormatError, SignatureInvalid
from eid.testing import der
from eid.trust.certificates import parse_certificate
from eid.trust.cms import parse_signed_data, verify_signed_data

TYPE = "2.23.136.1.1.1"
SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.null())
ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
CONTENT = b"the signed content"


def attribute(oid, *values):
    return der.sequence(der.oid(oid), der.set_of(*values))


CONTENT_TYPE = attribute("1.2.840.113549.1.9.3", der.oid(TYPE))
DIGEST = attribute("1.2.840.113549.1.9.4", der.octets(sha256(CONTENT).digest()))
TIME = attribute("1.2.840.113549.1.9.5", der.time(datetime(2026, 1, 1, tzinfo=UTC)))


@dataclasses.dataclass
class Message:
    """A whole ContentInfo; every part can be replaced before it is built."""

    party: object
    attributes: tuple = (CONTENT_TYPE, DIGEST)
    version: bytes = der.integer(3)
    digests: bytes = der.set_of(SHA256)
    content: bytes = der.sequence(der.oid(TYPE), der.explicit(0, der.octets(CONTENT)))
    certificates: bytes | None = None
    crls: bytes = b""
    info_version: bytes = der.integer(1)
    sid: bytes | None = None
    digest: bytes = SHA256
    algorithm: bytes = ECDSA
    attribute_block: bytes | None = None
    signature: bytes | None = None
    unsigned: bytes = b""
    signers: bytes | None = None
    outer_type: str = "1.2.840.113549.1.7.2"

    def signer_info(self):
        csca, ds = self.party("CSCA"), self.party("DS")
        block = self.attribute_block
        if block is None:
            block = tlv.encode(0xA0, *self.attributes)
        signature = self.signature
        if signature is None:
            signature = der.octets(ds.key.sign(b"\x31" + block[1:], "sha256"))
        sid = self.sid if self.sid is not None else der.sequence(csca.name, der.integer(5))
        return der.sequence(
            self.info_version, sid, self.digest, block, self.algorithm, signature, self.unsigned
        )

    def build(self):
        csca, ds = self.party("CSCA"), self.party("DS")
        certificates = self.certificates
        if certificates is None:
            certificates = der.explicit(0, csca.issue(ds))
        signers = self.signers if self.signers is not None else der.set_of(self.signer_info())
        data = der.sequence(
            self.version, self.digests, self.content, certificates, self.crls, signers
        )
        return der.sequence(der.oid(self.outer_type), der.explicit(0, data))


@pytest.fixture
def message(party):
    return lambda **changes: Message(party, **changes)


def parse(data):
    return parse_signed_data(data, content_types={TYPE})


def test_a_good_message(message, signer):
    signed = parse(message().build())
    assert signed.content == CONTENT
    assert signed.content_type == TYPE
    assert [parse_certificate(raw) for raw in signed.certificates]
    info = signed.signer_info
    assert info.signer.serial == 5
    assert info.signer.issuer == signer.issuer
    assert info.signing_time is None
    verify_signed_data(signed, signer)
    timed = parse(message(attributes=(CONTENT_TYPE, DIGEST, TIME)).build())
    assert timed.signer_info.signing_time == datetime(2026, 1, 1, tzinfo=UTC)
    verify_signed_data(timed, signer)


def test_tolerated_forms(message, signer):
    """What cards in the field send: other orders, revocation lists, pieces, BER envelopes."""
    pieces = tlv.encode(0x24, der.octets(CONTENT[:5]), der.octets(CONTENT[5:]))
    by_key = {
        "sid": tlv.encode(0x80, b"key id"),
        "info_version": der.integer(3),
    }
    for changes in (
        {"attributes": (DIGEST, CONTENT_TYPE)},
        {"crls": der.explicit(1, der.sequence())},
        {"certificates": b""},
        {"unsigned": der.explicit(1, attribute("1.2.3", der.null()))},
        {"content": der.sequence(der.oid(TYPE), der.explicit(0, pieces))},
        {"attributes": (CONTENT_TYPE, DIGEST, attribute("1.2.3", der.null(), der.integer(1)))},
        {"version": der.integer(1)},
        by_key,
    ):
        verify_signed_data(parse(message(**changes).build()), signer)
    built = message().build()
    inner = tlv.parse(built).value
    verify_signed_data(parse(b"\x30\x80" + inner + b"\0\0"), signer)
    verify_signed_data(parse(b"\x30\x83" + len(inner).to_bytes(3, "big") + inner), signer)


def refused(data, *codes):
    with pytest.raises(FormatError) as caught:
        parse(data)
    assert caught.value.code in codes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outer_type": "1.2.840.113549.1.7.1"}, "cms.content_info_type"),
        ({"version": der.integer(0)}, "cms.version"),
        ({"version": der.integer(6)}, "cms.version"),
        ({"version": b""}, "cms.format"),
        ({"digests": b""}, "cms.format"),
        ({"digests": der.set_of()}, "algorithm.digest"),
        ({"content": der.sequence(der.oid(TYPE))}, "cms.format"),
        (
            {
                "content": der.sequence(
                    der.oid("1.2.840.113549.1.7.1"), der.explicit(0, der.octets(b""))
                )
            },
            "cms.content_type",
        ),
        ({"content": der.sequence(der.oid(TYPE), der.explicit(0, der.null()))}, "cms.format"),
        (
            {"content": der.sequence(der.oid(TYPE), der.explicit(0, tlv.encode(0x24)))},
            "cms.format",
        ),
        (
            {
                "content": der.sequence(
                    der.oid(TYPE), der.explicit(0, tlv.encode(0x24, der.null()))
                )
            },
            "cms.format",
        ),
        ({"signers": der.set_of()}, "cms.signers"),
        ({"signers": b""}, "cms.format"),
        ({"signers": der.set_of(der.null())}, "cms.format"),
        ({"crls": der.null()}, "cms.format"),
        ({"info_version": der.integer(3)}, "cms.signer_id"),
        ({"info_version": der.integer(2)}, "cms.signer_id"),
        ({"info_version": b""}, "cms.format"),
        ({"sid": tlv.encode(0x80, b"id")}, "cms.signer_id"),
        ({"sid": der.sequence(der.integer(5))}, "cms.signer_id"),
        ({"sid": b""}, "cms.signer_id"),
        ({"digest": der.sequence(der.oid("1.2.840.113549.2.5"))}, "algorithm.digest"),
        ({"digest": b""}, "cms.format"),
        ({"algorithm": der.sequence(der.oid("1.2.3"))}, "algorithm.signature"),
        ({"signature": b""}, "cms.format"),
        ({"signature": der.octets(bytes(2049))}, "cms.format"),
        ({"unsigned": der.null()}, "cms.format"),
        ({"attribute_block": b"", "signature": der.octets(b"")}, "cms.format"),
        ({"attributes": (CONTENT_TYPE,)}, "cms.attributes"),
        ({"attributes": (DIGEST,)}, "cms.attributes"),
        ({"attributes": (CONTENT_TYPE, DIGEST, DIGEST)}, "cms.attributes"),
        ({"attributes": (CONTENT_TYPE, DIGEST, TIME, TIME)}, "cms.attributes"),
        ({"attributes": (CONTENT_TYPE, DIGEST, der.null())}, "cms.attributes"),
        ({"attributes": (CONTENT_TYPE, DIGEST, der.sequence(der.oid("1.2.3")))}, "cms.attributes"),
        ({"attributes": (CONTENT_TYPE, DIGEST, attribute("1.2.3"))}, "cms.attributes"),
        (
            {"attributes": (CONTENT_TYPE, attribute("1.2.840.113549.1.9.4", der.null()))},
            "cms.attributes",
        ),
        (
            {
                "attributes": (
                    CONTENT_TYPE,
                    attribute("1.2.840.113549.1.9.4", der.octets(b"1"), der.octets(b"2")),
                )
            },
            "cms.attributes",
        ),
        (
            {"attributes": (attribute("1.2.840.113549.1.9.3", der.oid("1.2.3")), DIGEST)},
            "cms.content_type_mismatch",
        ),
        (
            {
                "attributes": (
                    CONTENT_TYPE,
                    DIGEST,
                    *(attribute(f"1.2.{n}", der.null()) for n in range(32)),
                )
            },
            "cms.attributes",
        ),
        (
            {"attributes": (CONTENT_TYPE, DIGEST, attribute("1.2.840.113549.1.9.5", der.null()))},
            "certificate.time",
        ),
    ],
)
def test_one_thing_wrong(message, changes, code):
    refused(message(**changes).build(), code)


def test_two_signers(message):
    info = message().signer_info()
    refused(message(signers=tlv.encode(0x31, info, info)).build(), "cms.signers")


def test_too_many_certificates(message, party):
    one = party("CSCA").own()
    refused(message(certificates=der.explicit(0, *[one] * 65)).build(), "cms.certificates")
    assert (
        len(parse(message(certificates=der.explicit(0, *[one] * 64)).build()).certificates) == 64
    )


def test_other_kinds_of_certificates_are_skipped(message):
    odd = message(certificates=der.explicit(0, tlv.encode(0xA1, der.null())))
    assert parse(odd.build()).certificates == ()


def test_attributes_in_ber_are_refused(message):
    block = tlv.encode(0xA0, CONTENT_TYPE, DIGEST)
    long = b"\xa0\x81" + block[1:]
    refused(message(attribute_block=long).build(), "tlv.length")
    indefinite = b"\xa0\x80" + CONTENT_TYPE + DIGEST + b"\0\0"
    refused(message(attribute_block=indefinite).build(), "tlv.length")


def test_nothing_may_follow(message):
    refused(message().build() + b"\0", "tlv.tag", "tlv.truncated", "tlv.trailing")
    refused(message().build() + der.null(), "tlv.trailing")
    refused(der.null(), "cms.format")
    refused(der.sequence(der.null(), der.null()), "cms.format")


def test_changed_content_and_changed_signature(message, signer):
    content = der.sequence(der.oid(TYPE), der.explicit(0, der.octets(b"other content")))
    with pytest.raises(SignatureInvalid) as caught:
        verify_signed_data(parse(message(content=content).build()), signer)
    assert caught.value.code == "cms.digest"
    signed = parse(message().build())
    flipped = bytearray(signed.signer_info.signature)
    flipped[-1] ^= 1
    info = dataclasses.replace(signed.signer_info, signature=bytes(flipped))
    with pytest.raises(SignatureInvalid) as caught:
        verify_signed_data(dataclasses.replace(signed, signer_info=info), signer)
    assert caught.value.code == "signature_invalid"


def test_another_signers_certificate(message, party):
    other = parse_certificate(party("CSCA").issue(party("Other")))
    with pytest.raises(SignatureInvalid):
        verify_signed_data(parse(message().build()), other)


def test_every_truncation_and_flip_is_refused(message, signer):
    data = message().build()
    for size in range(0, len(data), 3):
        refused_somehow(data[:size], signer)
    certificate = parse(data).certificates[0]
    start = data.index(certificate)
    for at in [*range(0, start, 2), *range(start + len(certificate), len(data), 2)]:
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            refused_somehow(bytes(changed), signer)
        except AssertionError:
            assert at in unused_bytes(data), f"byte {at} may be changed"


def refused_somehow(data, signer):
    try:
        signed = parse(data)
        verify_signed_data(signed, signer)
    except EidError:
        return
    named = signed.signer_info.signer
    assert (named.issuer, named.serial) != (signer.issuer, signer.serial)


def unused_bytes(data):
    """The CMS version number, which says nothing that is used (any of 1 to 5 is taken)."""
    return {data.index(b"\x02\x01\x03\x31") + 2}
