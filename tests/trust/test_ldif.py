"""LDIF of the Public Key Directory: folding, both attribute names, odd values."""

from __future__ import annotations

import base64

import pytest

from eid.errors import FormatError
from eid.trust import ldif
from eid.trust.ldif import is_ldif, read_ldif


def folded(attribute, data, width=60):
    text = f"{attribute}:: {base64.b64encode(data).decode()}"
    lines = [text[:width]] + [" " + text[at : at + 40] for at in range(width, len(text), 40)]
    return "\n".join(lines) + "\n"


def items(text):
    return [
        (one.kind, one.conformant, one.data) for one in read_ldif(text.splitlines(keepends=True))
    ]


def test_every_attribute_of_a_directory():
    data = bytes(range(256))
    text = "version: 1\n\n" + "\n".join(
        "dn: cn=x,c=VN,dc=data,dc=download\nobjectClass: top\n" + folded(attribute, data)
        for attribute in (
            "userCertificate;binary", "cACertificate;binary", "certificateRevocationList;binary",
            "authorityRevocationList;binary", "pkdMasterListContent", "CscaMasterListData",
        )
    )  # fmt: skip
    assert items(text) == [
        (kind, True, data)
        for kind in ("ds", "authority", "crl", "crl", "masterlist", "masterlist")
    ]


def test_windows_line_ends_and_no_last_one():
    text = "dn: c=VN\r\n" + folded("userCertificate", b"x" * 99).replace("\n", "\r\n").rstrip()
    assert items(text) == [("ds", True, b"x" * 99)]


def test_comments_and_folded_comments_are_nothing():
    text = "# userCertificate:: MAA=\n  MAA=\ndn: c=VN\nuserCertificate:: MAA=\n"
    assert items(text) == [("ds", True, b"0\0")]


@pytest.mark.parametrize(
    "name", ["dn: c=VN,DC=nc-data", "dn:: " + base64.b64encode(b"dc=NC-Data").decode()]
)
def test_what_the_directory_calls_non_conformant(name):
    assert items(f"{name}\nuserCertificate:: MAA=\n") == [("ds", False, b"0\0")]


@pytest.mark.parametrize("value", [": MAA", ":: M*A=", ":< file:///etc/passwd", ":: MAA=="])
def test_values_that_are_not_base64(value):
    """A URL in an LDIF file is never followed."""
    assert items(f"dn: c=VN\nuserCertificate{value}\n") == [("ds", True, None)]


def test_lines_that_are_no_attributes():
    assert items(" folded onto nothing\nno colon\n\n\n") == []


def test_a_record_without_end(monkeypatch):
    monkeypatch.setattr(ldif, "_MAX_RECORD", 1000)
    endless = ("a: b\n" for _ in range(10_000))
    with pytest.raises(FormatError) as caught:
        list(read_ldif(endless))
    assert caught.value.code == "ldif.size"


def test_many_small_records_are_no_long_one(monkeypatch):
    monkeypatch.setattr(ldif, "_MAX_RECORD", 1000)
    assert items("dn: c=VN\nuserCertificate:: MAA=\n\n" * 200) == [("ds", True, b"0\0")] * 200


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"version: 1", True), (b"\xef\xbb\xbf\r\ndn: x", True), (b"# c", True), (b"0\x82", False)],
)
def test_how_a_file_is_known(head, expected):
    assert is_ldif(head) is expected
