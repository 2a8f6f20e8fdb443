"""Settings of what people see, and what is wired from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.app.installation import open_installation
from eid.app.people import senders_of
from eid.app.people_settings import METHODS, PeopleSettings
from eid.app.serving import serve
from eid.app.settings import Settings
from eid.errors import SettingsError
from eid.levels.factors.code import Channel, FileSender, SmtpSender
from eid.levels.notices import SUBJECT

MINIMUM = """
issuer = "http://127.0.0.1:8400"
listen = "127.0.0.1:8400"
database = "sqlite:///eid.db"
data_dir = "data"
trust = "trust"
{more}
[agent]
url = "http://127.0.0.1:8350"
{tables}
"""
MAIL = '[smtp]\nhost = "mail.example"\nsender = "id@mail.example"\n'


def load(tmp_path: Path, more: str = "", tables: str = "", **environ: str) -> Settings:
    path = tmp_path / "eid.toml"
    path.write_text(MINIMUM.format(more=more, tables=tables))
    return Settings.load(path, environ)


def test_everything_is_offered_and_nobody_is_reached_by_default(tmp_path: Path) -> None:
    people = load(tmp_path).people
    assert people == PeopleSettings()
    assert people.methods == METHODS
    assert senders_of(people) == {}


def test_methods_and_paths_and_senders(tmp_path: Path) -> None:
    tables = MAIL + '[sms]\noutbox = "sms.jsonl"\n[letters]\noutbox = "/srv/letters.jsonl"\n'
    tables += '[pages]\ntheme = "theme"\n'
    settings = load(tmp_path, 'methods = ["card", "passkey"]', tables, EID_SMTP_PASSWORD="s3cret")
    people = settings.people
    assert people.methods == {"card", "passkey"}
    assert people.theme == tmp_path / "theme"
    assert "s3cret" not in repr(settings)
    senders = senders_of(people)
    assert senders["sms"] == FileSender(path=tmp_path / "sms.jsonl")
    assert senders["letter"] == FileSender(path=Path("/srv/letters.jsonl"))
    mail = senders["email"]
    assert isinstance(mail, SmtpSender)
    assert (mail.host, mail.port, mail.password) == ("mail.example", 587, "s3cret")
    assert mail.subject != SUBJECT
    told = senders_of(people, subject=SUBJECT)["email"]
    assert told == replace(mail, subject=SUBJECT)


@pytest.mark.parametrize(
    ("more", "tables", "key"),
    [
        ('methods = ["telepathy"]', "", "methods"),
        ("methods = [1]", "", "methods"),
        ('methods = "card"', "", "methods"),
        ("", '[smtp]\nhost = "mail.example"\n', "smtp.sender"),
        ("", '[smtp]\nsender = "id@mail.example"\n', "smtp.host"),
        ("", MAIL + "port = 0\n", "smtp.port"),
        ("", MAIL + "port = 70000\n", "smtp.port"),
        ("", MAIL.replace("id@", "id\\r\\nBcc: x@"), "smtp.sender"),
        ("", MAIL.replace("id@", ""), "smtp.sender"),
        ("", "[pages]\ntheme = 1\n", "pages.theme"),
    ],
)
def test_what_would_fail_later_is_refused_now(
    tmp_path: Path, more: str, tables: str, key: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, more, tables)
    assert caught.value.facts["key"] == key


def test_a_bad_theme_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir()
    settings = load(tmp_path, "", '[pages]\ntheme = "nowhere"\n')
    with pytest.raises(SettingsError) as caught:
        serve(settings)
    assert caught.value.code == "settings.theme"


def test_the_provider_has_its_own_pages_over_the_store(tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir()
    settings = load(tmp_path, "", '[letters]\noutbox = "letters.jsonl"\n')
    at = datetime(2026, 11, 21, tzinfo=UTC)
    with open_installation(settings) as installation:
        own = installation.provider().own
        assert own is not None
        assert own.draw is not None
        assert own.draw("otpauth://totp/x")[1:4] == b"PNG"
        account = installation.add_account(username="an", password="long enough!", at=at)
        channel = Channel(kind="letter", address="Hà Nội")
        factor = own.factors.enrol_channel(account.id, channel, at=at)
        sender = own.sender(own.factors.channel_kind(account.id, factor))
        own.factors.send_code(account.id, factor, sender, service="Example", at=at)
        assert own.factors.channel_kind(account.id, "other") is None
    assert "30 ngày" in (tmp_path / "letters.jsonl").read_text(encoding="utf-8")
