"""What a kiosk keeps for a day without a line."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eid.errors import RequestRefused, SettingsError, Unavailable
from eid.keys import EncryptionKey
from eid.kiosk.day import KIOSK_POLICY, LONGEST_SILENCE, SLACK, DayBook
from eid.kiosk.line import Day, _safe
from eid.levels.visit import START, Batch

AT = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
DAY = Day(
    batch=Batch(
        id="b" * 22, kiosk="k" * 22, random=bytes(32), most=9, issued_at=AT,
        expires_at=AT + timedelta(hours=36),
    ),
    head=START, trust={"csca/a.der": b"a", "crl/b.crl": b"b"}, policy={},
    server_jwk=EncryptionKey.generate("evidence").public_jwk(), at=AT,
)  # fmt: skip


def book(folder: Path, at: datetime = AT) -> DayBook:
    return DayBook(folder, clock=lambda: at)


def test_a_day_is_kept_as_a_whole(tmp_path: Path) -> None:
    assert book(tmp_path).batch() is None
    assert book(tmp_path).server_jwk() is None
    book(tmp_path).keep(DAY)
    assert book(tmp_path).batch() == DAY.batch
    assert book(tmp_path).server_jwk() == DAY.server_jwk
    assert (tmp_path / "trust/csca/a.der").read_bytes() == b"a"
    book(tmp_path).keep(replace(DAY, trust={"csca/c.der": b"c"}))
    assert sorted(path.name for path in (tmp_path / "trust").rglob("*.*")) == ["c.der"]
    assert not list(tmp_path.glob("trust.*"))


def test_killed_between_two_names_the_old_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    book(tmp_path).keep(DAY)
    (tmp_path / "trust").rename(tmp_path / "trust.old")
    import eid.kiosk.day as module  # noqa: PLC0415

    real = module.TrustStore.load
    monkeypatch.setattr(module.TrustStore, "load", lambda path: asked.append(path) or real(path))
    book(tmp_path)._store()
    assert asked == [tmp_path / "trust.old"]


@pytest.mark.parametrize(
    ("at", "right"),
    [
        (AT, True),
        (AT - SLACK, True),
        (AT - SLACK - timedelta(seconds=1), False),
        (AT + LONGEST_SILENCE, True),
        (AT + LONGEST_SILENCE + timedelta(seconds=1), False),
        (AT - timedelta(days=365), False),
    ],
)
def test_the_clock_is_held_against_the_servers_last_word(
    tmp_path: Path, at: datetime, right: bool
) -> None:
    book(tmp_path, at).check_clock()  # nothing is known yet
    book(tmp_path).keep(DAY)
    if right:
        book(tmp_path, at).check_clock()
        return
    with pytest.raises(RequestRefused) as caught:
        book(tmp_path, at).check_clock()
    assert caught.value.code == "kiosk.clock"


def test_the_servers_policy_may_demand_more_and_never_less(tmp_path: Path) -> None:
    for policy, required in (
        ({}, KIOSK_POLICY.required),
        ({"required": []}, KIOSK_POLICY.required),
        ({"required": ["sod.signature"]}, KIOSK_POLICY.required),
        ({"required": ["portrait"]}, KIOSK_POLICY.required | {"portrait"}),
    ):
        book(tmp_path).keep(replace(DAY, policy=policy))
        assert book(tmp_path)._policy().required == required
    book(tmp_path).keep(replace(DAY, policy={"required": ["face.in.2030"]}))
    with pytest.raises(SettingsError) as caught:
        book(tmp_path)._policy()
    assert caught.value.code == "kiosk.policy"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"x" * 100_000])
def test_a_damaged_day_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "day.json").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        book(tmp_path).batch()
    assert caught.value.code == "kiosk.day"


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(Unavailable) as caught:
        book(blocked).keep(DAY)
    assert caught.value.code == "queue.disk"


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "a\0b", ".", ".."])
def test_no_file_of_the_server_leaves_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="relative"):
        _safe(name)


def test_files_are_for_the_kiosks_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        book(tmp_path / "data").keep(DAY)
    finally:
        os.umask(before)
    for path in (tmp_path / "data").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path
