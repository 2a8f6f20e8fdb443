"""Parsing revocation lists: what is read, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eid import tlv
from eid.errors import FormatError
from eid.testing import der
from eid.testing.certificates import extension
from eid.trust.revocation import MAX_CRL, parse_crl


def taken_apart(data):
    outer = tlv.children(tlv.parse(data))
    return [item.raw for item in tlv.children(outer[0])], outer[1].raw, outer[2].raw


def with_fields(data, change):
    fields, algorithm, signature = taken_apart(data)
    return der.sequence(der.sequence(*change(fields)), algorithm, signature)


def test_a_list(party, now):
    crl = parse_crl(party("CSCA").crl(3, 5))
    assert crl.serials == {3, 5}
    assert crl.issuer.text == "C=VN, O=Test, CN=CSCA"
    assert crl.this_update < now < crl.next_update
    assert crl.fresh(now)
    assert not crl.fresh(now + timedelta(days=400))
    assert not crl.fresh(now - timedelta(days=400))
    assert "serials" not in repr(crl)


def test_an_empty_list(party):
    assert parse_crl(party("CSCA").crl()).serials == frozenset()


def test_version_1_without_next_update_or_extensions(party, now):
    def change(fields):
        return [*fields[1:4], fields[5]]

    crl = parse_crl(with_fields(party("CSCA").crl(3), change))
    assert crl.next_update is None
    assert crl.serials == {3}
    assert not crl.fresh(now)


def entry(*parts):
    return der.sequence(der.sequence(*parts))


WHEN = tlv.encode(0x17, b"260101000000Z")
REASON = der.sequence(extension("2.5.29.21", tlv.encode(0x0A, b"\1")))
INDIRECT = der.sequence(extension("2.5.29.29", b"", critical=True))


def test_entries(party):
    def of(*parts):
        return with_fields(party("CSCA").crl(3), lambda f: [*f[:5], entry(*parts), *f[6:]])

    assert parse_crl(of(der.integer(-7), WHEN)).serials == {-7}
    assert parse_crl(of(tlv.encode(2, b"\0\0\7"), WHEN, REASON)).serials == {7}
    for bad in ((der.integer(1),), (der.null(), WHEN), (tlv.encode(2), WHEN)):
        with pytest.raises(FormatError) as caught:
            parse_crl(of(*bad))
        assert caught.value.code == "crl.entry"
    with pytest.raises(FormatError) as caught:
        parse_crl(of(der.integer(1), WHEN, INDIRECT))
    assert caught.value.code == "crl.extension"
    with pytest.raises(FormatError):
        parse_crl(of(der.integer(1), WHEN, der.sequence(der.sequence(der.null()))))


def test_extensions(party):
    def of(*extra):
        return with_fields(party("CSCA").crl(), lambda f: [*f[:5], *extra])

    assert parse_crl(of()).next_update
    known = der.explicit(0, der.sequence(extension("2.5.29.20", der.integer(1), critical=True)))
    assert parse_crl(of(known))
    partial = extension("2.5.29.28", der.sequence(), critical=True)
    delta = extension("2.5.29.27", der.integer(1), critical=True)
    for one in (partial, delta):
        with pytest.raises(FormatError) as caught:
            parse_crl(of(der.explicit(0, der.sequence(one))))
        assert caught.value.code == "crl.extension"
    for bad in ((der.null(),), (known, known)):
        with pytest.raises(FormatError) as caught:
            parse_crl(of(*bad))
        assert caught.value.code == "crl.format"


def test_shapes(party):
    good = party("CSCA").crl(3)
    fields, algorithm, signature = taken_apart(good)
    other = der.sequence(der.oid("1.2.840.10045.4.3.4"))
    for bad in (
        der.sequence(),
        der.set_of(),
        der.sequence(der.sequence(*fields), algorithm),
        der.sequence(der.sequence(*fields), other, signature),
        der.sequence(der.sequence(*fields[:2]), algorithm, signature),
        der.sequence(der.sequence(), algorithm, signature),
    ):
        with pytest.raises(FormatError) as caught:
            parse_crl(bad)
        assert caught.value.code == "crl.format"
    with pytest.raises(FormatError) as caught:
        parse_crl(bytes(MAX_CRL + 1))
    assert caught.value.code == "crl.size"


def test_every_truncation_is_a_format_error(party):
    data = party("CSCA").crl(3, 5)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            parse_crl(data[:size])
