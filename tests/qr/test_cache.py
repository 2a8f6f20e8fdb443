import stat
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import FormatError, Inconsistent, Revoked, SignatureInvalid, Unavailable
from eid.qr import cache, status
from eid.qr.cache import CachedStatus, ListCache
from eid.qr.credential import StatusReference, verify_credential

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
URI = "https://id.example/status/1"


class Line:
    """The network: gives what it has, or is broken."""

    def __init__(self):
        self.asked, self.answer = 0, b"one"

    def __call__(self, _uri):
        self.asked += 1
        if self.answer is None:
            raise Unavailable("The line is broken.")
        return self.answer


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def lists(tmp_path, line):
    return ListCache(tmp_path / "lists", fetch=line)


def test_a_young_copy_is_not_fetched_again(lists, line):
    assert lists.get(URI, at=NOW) == b"one"
    line.answer = b"two"
    assert lists.get(URI, at=NOW + timedelta(minutes=59)) == b"one"
    assert lists.get(URI, at=NOW + timedelta(minutes=61)) == b"two"
    assert line.asked == 2


def test_a_broken_line_leaves_the_old_copy_and_is_tried_once_a_minute(lists, line):
    lists.get(URI, at=NOW)
    line.answer = None
    later = NOW + timedelta(hours=5)
    assert lists.get(URI, at=later) == b"one"
    assert lists.get(URI, at=later + timedelta(seconds=30)) == b"one"
    assert line.asked == 2
    line.answer = b"two"
    assert lists.get(URI, at=later + timedelta(seconds=61)) == b"two"


def test_nothing_kept_and_nothing_to_fetch(lists, line):
    line.answer = None
    for _ in range(2):
        with pytest.raises(Unavailable):
            lists.get(URI, at=NOW)


def test_it_survives_the_process_and_is_private(lists, line, tmp_path):
    lists.get(URI, at=NOW)
    line.answer = None
    again = ListCache(tmp_path / "lists", fetch=line)
    assert again.get(URI, at=NOW) == b"one"
    assert stat.S_IMODE((tmp_path / "lists").stat().st_mode) == 0o700


def test_a_clock_that_jumped_back_trusts_no_copy_from_the_future(lists, line):
    lists.get(URI, at=NOW)
    lists.get(URI, at=NOW - timedelta(days=1))
    assert line.asked == 2


@pytest.mark.parametrize("uri", ["http://id.example/status/1", "file:///etc/passwd", ""])
def test_only_https(lists, line, uri):
    with pytest.raises(FormatError):
        lists.get(uri, at=NOW)
    assert line.asked == 0


def test_caps(lists, line, monkeypatch):
    line.answer = bytes(cache.MAX_TOKEN + 1)
    with pytest.raises(FormatError):
        lists.get(URI, at=NOW)
    monkeypatch.setattr(cache, "MAX_LISTS", 3)
    line.answer = b"x"
    for index in range(9):
        lists.get(f"{URI}/{index}", at=NOW + timedelta(seconds=index))
    assert len(list(lists.folder.glob("*.list"))) == 3


def test_a_credential_is_asked_about_over_the_cache(lists, line, es256, identity):
    uri = f"{es256.issuer}/status/1"
    terms = status.ListTerms(
        uri=uri, issuer=es256.issuer, issued_at=NOW, expires_at=NOW + timedelta(days=1)
    )
    packed = status.pack_statuses({7: status.INVALID}, size=64)
    line.answer = status.issue_list(packed, terms, es256.signer)
    asked = CachedStatus(lists=lists, keys=es256.keys, max_stale=timedelta(hours=6))

    def verify(index, uri=uri, at=NOW):
        text = es256.issue(identity, status=StatusReference(uri=uri, index=index))
        return verify_credential(text, es256.keys, at=at, status=asked)

    assert verify(8).status_answer.freshness == "fresh"
    with pytest.raises(Revoked):
        verify(7)
    with pytest.raises(Inconsistent):
        verify(8, uri="https://other.example/status/1")
    line.answer = None
    assert verify(8, at=NOW + timedelta(hours=14)).status_answer.freshness == "stale_accepted"


def test_nothing_is_fetched_for_a_forged_credential(lists, line, es256):
    place = {"status_list": {"idx": 1, "uri": f"{es256.issuer}/status/1"}}
    forged = es256.forge(k65535=place, signature=bytes(64))
    with pytest.raises(SignatureInvalid):
        verify_credential(
            forged, es256.keys, at=es256.now, status=CachedStatus(lists=lists, keys=es256.keys)
        )
    assert line.asked == 0


def test_a_full_disk_leaves_the_old_copy(lists, line, monkeypatch):
    lists.get(URI, at=NOW)

    def no_space(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "utime", no_space)
    with pytest.raises(OSError, match="No space"):
        lists.get(URI, at=NOW + timedelta(hours=2))
    assert len(list(lists.folder.iterdir())) == 1
