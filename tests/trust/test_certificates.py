"""Certificates as the states write them: Vietnam's, and a set of every algorithm."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid import tlv
from eid.errors import EidError, FormatError, SignatureInvalid
from eid.testing import der
from eid.trust.certificates import (
    MAX_CERTIFICATE,
    algorithm_of,
    parse_certificate,
    parse_time,
    public_key,
    verify_issued,
)
from eid.trust.profile import authority_key_id, is_authority, key_usage, subject_key_id
from eid.trust.public_keys import EcKey, RsaKey

FOLDER = Path(__file__).parents[1] / "vectors" / "csca"
VIETNAM = (FOLDER / "vietnam_epassport_2022.cer").read_bytes()
SIGNERS = sorted(FOLDER.glob("*.dsc.pem"))


def pem(path):
    lines = path.read_text("ascii").splitlines()
    return base64.b64decode("".join(line for line in lines if not line.startswith("-")))


def test_vietnams_passport_authority():
    certificate = parse_certificate(VIETNAM)
    assert certificate.fingerprint.startswith("6b5fa6fe45cc4e85")
    assert f"{certificate.serial:x}" == "506f1357a3a196c24dc32cf464140cae"
    assert certificate.subject.country == "VN"
    assert certificate.subject.text.endswith("CN=CSCA ePassport Vietnam")
    assert certificate.self_issued
    assert certificate.not_before.year == 2022
    assert certificate.not_after.date().isoformat() == "2037-10-01"
    key = public_key(certificate)
    assert isinstance(key, EcKey)
    assert key.explicit
    assert key.curve.name == "brainpoolP512r1"
    assert subject_key_id(certificate).hex() == "88918f5a25ece37a3e04c52d38a4f2b5123c85c7"
    assert authority_key_id(certificate) == subject_key_id(certificate)
    assert is_authority(certificate)
    assert key_usage(certificate) == {5, 6}
    assert certificate.findings == ()
    verify_issued(certificate, certificate)


def test_equal_bytes_are_one_value_and_hide_themselves():
    assert parse_certificate(VIETNAM) is parse_certificate(bytes(bytearray(VIETNAM)))
    assert VIETNAM[50:80].hex() not in repr(parse_certificate(VIETNAM))


@pytest.mark.parametrize("path", SIGNERS, ids=lambda path: path.name.removesuffix(".dsc.pem"))
def test_signers_of_every_algorithm_chain(path):
    signer = parse_certificate(pem(path))
    own = path.with_name(path.name.replace(".dsc.", ".csca."))
    authorities = [parse_certificate(pem(one)) for one in FOLDER.glob("*.csca.pem")]
    issuers = [one for one in authorities if subject_key_id(one) == authority_key_id(signer)]
    assert issuers
    if own.exists():
        assert parse_certificate(pem(own)) in issuers
    verify_issued(signer, issuers[0])
    verify_issued(issuers[0], issuers[0])
    name = path.name.split("_")
    assert algorithm_of(signer).digest.name == name[0]
    key = public_key(signer)
    assert (isinstance(key, RsaKey) and key.n.bit_length() == int(name[-1].split(".")[0])) or (
        isinstance(key, EcKey) and key.curve.name == name[-1].split(".")[0]
    )
    others = [one for one in authorities if one not in issuers]
    for other in others[:5]:
        with pytest.raises((SignatureInvalid, FormatError)):
            verify_issued(signer, other)


def test_there_are_forty_signers():
    assert len(SIGNERS) == 40


class Parts:
    """Vietnam's certificate taken apart, to be put together with one thing wrong."""

    def __init__(self):
        outer = tlv.children(tlv.parse(VIETNAM))
        self.tbs = [item.raw for item in tlv.children(outer[0])]
        self.algorithm, self.signature = outer[1].raw, outer[2].raw

    def build(self, **changes):
        for key, value in changes.items():
            self.tbs[int(key[1:])] = value
        tbs = der.sequence(*(part for part in self.tbs if part is not None))
        return der.sequence(tbs, self.algorithm, self.signature)


def test_taken_apart_and_put_together():
    assert Parts().build() == VIETNAM


@pytest.mark.parametrize("position", range(7))
def test_every_field_is_missed(position):
    if position == 0:
        version1 = parse_certificate(Parts().build(_0=None))
        assert version1.version == 1
        assert version1.findings == ("certificate.version",)
        return
    with pytest.raises(FormatError):
        parse_certificate(Parts().build(**{f"_{position}": None}))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"_0": der.explicit(0, der.integer(3))}, "certificate.field"),
        ({"_0": der.explicit(0, der.octets(b"\2"))}, "certificate.field"),
        ({"_1": tlv.encode(0x02)}, "certificate.field"),
        ({"_1": tlv.encode(0x02, bytes(65))}, "certificate.field"),
        ({"_4": der.sequence(der.time(datetime(2022, 1, 1, tzinfo=UTC)))}, "certificate.validity"),
        ({"_4": der.sequence(der.utf8("x"), der.utf8("y"))}, "certificate.time"),
        ({"_7": der.explicit(3, der.sequence())}, "certificate.extensions"),
        ({"_7": der.explicit(3, der.set_of())}, "certificate.extensions"),
        ({"_7": der.explicit(3, der.sequence(der.null()))}, "certificate.extensions"),
        (
            {"_7": der.explicit(3, der.sequence(der.sequence(der.oid("1.2.3"))))},
            "certificate.extensions",
        ),
        ({"_7": der.explicit(4, der.sequence())}, "certificate.field"),
    ],
)
def test_malformed_fields(changes, code):
    with pytest.raises(FormatError) as caught:
        parse_certificate(Parts().build(**changes))
    assert caught.value.code == code


def test_oddities_are_findings():
    parts = Parts()
    block = tlv.children(tlv.parse(tlv.parse(parts.tbs[7]).value))
    twice = der.explicit(3, der.sequence(*(item.raw for item in (*block, block[0]))))
    assert parse_certificate(parts.build(_7=twice)).findings == (
        "certificate.extension_duplicate",
    )
    assert parse_certificate(VIETNAM + b"\0\0").findings == ("certificate.trailing",)
    assert parse_certificate(VIETNAM + b"\0\0").raw == VIETNAM
    negative = parse_certificate(Parts().build(_1=der.integer(-5)))
    assert (negative.serial, negative.findings) == (-5, ("certificate.serial",))
    padded = parse_certificate(Parts().build(_1=tlv.encode(0x02, b"\0\0\x07")))
    assert padded.serial == 7
    early = der.sequence(
        tlv.encode(0x18, b"20220101000000Z"), der.time(datetime(2037, 1, 1, tzinfo=UTC))
    )
    assert parse_certificate(Parts().build(_4=early)).findings == ("certificate.generalized_time",)
    other = Parts()
    other.algorithm = der.sequence(der.oid("1.2.840.10045.4.3.3"))
    assert parse_certificate(other.build()).findings == ("certificate.algorithm_mismatch",)


def test_unique_identifiers_are_skipped():
    parts = Parts()
    parts.tbs.insert(7, tlv.encode(0x81, b"\0\1"))
    assert parse_certificate(parts.build()).extensions


@pytest.mark.parametrize(
    "data",
    [b"", b"0", b"0\0", bytes(40), der.sequence(der.sequence()), bytes(MAX_CERTIFICATE + 1)],
)
def test_garbage(data):
    with pytest.raises(FormatError):
        parse_certificate(data)


def test_every_truncation_is_a_format_error():
    for size in range(0, len(VIETNAM), 7):
        with pytest.raises(FormatError):
            parse_certificate(VIETNAM[:size])


def test_a_flipped_bit_never_verifies():
    certificate = parse_certificate(VIETNAM)
    for at in range(0, len(VIETNAM), 5):
        changed = bytearray(VIETNAM)
        changed[at] ^= 1
        try:
            other = parse_certificate(bytes(changed))
            verify_issued(other, certificate)
        except EidError:
            continue
        assert other.tbs == certificate.tbs, f"byte {at} is signed"
        assert other.signature == certificate.signature


@pytest.mark.parametrize(
    ("tag", "text", "wanted"),
    [
        (0x17, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x18, b"20500101000000Z", datetime(2050, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(tag, text, wanted):
    assert parse_time(tlv.parse(tlv.encode(tag, text))) == wanted


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (0x17, b"4912312359Z"), (0x17, b"491231235959+0000"), (0x17, b"491331235959Z"),
        (0x18, b"20500101000000"), (0x18, b"20500101000000.5Z"), (0x18, b"2050010100000\xb2Z"),
        (0x0C, b"20500101000000Z"), (0x18, b""), (0x18, b"20230229000000Z"),
    ],
)  # fmt: skip
def test_bad_times(tag, text):
    with pytest.raises(FormatError) as caught:
        parse_time(tlv.parse(tlv.encode(tag, text)))
    assert caught.value.code == "certificate.time"


def test_no_extensions_at_all():
    assert parse_certificate(Parts().build(_7=None)).extensions == {}
