"""Rows Q-002, Q-013 and Q-014 of the catalogue of attacks, for the codes that are drawn here.

Q-018, guessing and flooding of a login's polling address, has nothing to hold yet: no address waits.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from eid.errors import ChallengeMismatch, EidError, FormatError, Inconsistent, RequestRefused
from eid.oidc.client_metadata import GRANT_TYPES
from eid.qr import base45
from eid.qr.cache import CachedStatus, ListCache
from eid.qr.claim169 import Identity
from eid.qr.credential import StatusReference
from eid.qr.presence import Asked, SeenInMemory, issue_presence, verify_presence
from eid.qr.question import PREFIX, read_question, write_question
from eid.qr.recognise import kind_of

PLACE = Asked(audience="https://clinic.example.vn", challenge=bytes(range(16)))
HOSTILE = [
    "javascript:alert(1)", "https://evil.example/?next=https://id.example.vn", "intent://x#Intent",
    "https://id.example.vn@evil.example/", 'https://a"><script>', "=cmd|' /C calc'!A0",
]  # fmt: skip


def presence(world, asked):
    return issue_presence(asked, subject=b"subject", key=world.signer, at=world.now)


def check(world, text, asked, seen=None):
    return verify_presence(text, world.keys, asked, at=world.now, seen=seen or SeenInMemory())


def test_q002_the_place_that_is_shown_is_the_place_that_is_signed(world):
    shown = read_question(write_question(PLACE))
    text = presence(world, shown)
    assert check(world, text, PLACE)
    for other in (
        replace(PLACE, audience="https://evil.example"),
        replace(PLACE, audience=PLACE.audience + "/"),
        replace(PLACE, challenge=bytes(16)),
        replace(PLACE, place="Desk 3"),
        replace(PLACE, purpose="Check-in"),
    ):
        with pytest.raises(EidError) as refusal:
            check(world, text, other)
        assert refusal.value.code in {"qr.audience", "qr.challenge"}


def test_q002_place_and_purpose_that_are_shown_are_signed(world):
    """A victim who agreed to a check-in at the clinic has not agreed to a loan at a bank."""
    asked = replace(PLACE, place="Khoa Cấp cứu, bàn 3", purpose="Nhận bệnh")
    shown = read_question(write_question(asked))
    assert (shown.place, shown.purpose) == (asked.place, asked.purpose)
    text = presence(world, shown)
    for other in (
        PLACE,
        replace(asked, place="Ngân hàng Mẫu"),
        replace(asked, purpose="Vay tiền"),
        replace(asked, place=asked.purpose, purpose=asked.place),
    ):
        with pytest.raises(ChallengeMismatch) as refusal:
            check(world, text, other)
        assert refusal.value.code == "qr.challenge"
    assert check(world, text, asked)


@pytest.mark.parametrize("audience", ["https://clinic\u202e.example", "a\u200bb", "a\0b", "a\tb"])
def test_q002_no_name_of_a_place_looks_like_another(audience):
    with pytest.raises(FormatError):
        write_question(replace(PLACE, audience=audience))


@pytest.mark.parametrize("text", HOSTILE)
def test_q013_no_code_of_ours_is_a_link(world, text):
    """What strangers write is inside an encoding: no scanner takes it for an address."""
    drawn = [
        world.issue(Identity(name=text)),
        write_question(replace(PLACE, audience=text)),
        presence(world, replace(PLACE, audience=text)),
    ]
    for code in drawn:
        assert set(code) <= set(base45.ALPHABET)
        assert text.upper() not in code
        assert kind_of(code.encode()) in {"claim169", "signed", "question"}
    assert drawn[1].startswith(PREFIX)


@pytest.mark.parametrize(
    "uri",
    ["http://id.example.vn/status/1", "javascript:alert(1)", "file:///etc/passwd",
     "https://evil.example/status/1", "https://id.example.vn.evil.example/1",
     "https://id.example.vn@evil.example/1"],
)  # fmt: skip
def test_q013_addresses_in_codes_are_https_and_their_issuers(world, tmp_path, uri):
    asked = []
    status = CachedStatus(lists=ListCache(tmp_path, asked.append), keys=world.keys)
    with pytest.raises((Inconsistent, FormatError)):
        status(StatusReference(uri=uri, index=0), issuer=world.issuer, at=world.now)
    assert asked == []


def test_q014_a_swapped_poster_gets_no_answer_that_counts_elsewhere(world):
    swapped = Asked(audience="https://evil.example", challenge=PLACE.challenge)
    with pytest.raises(RequestRefused):
        check(world, presence(world, read_question(write_question(swapped))), PLACE)


def test_q014_a_static_question_serves_once(world):
    seen = SeenInMemory()
    assert check(world, presence(world, PLACE), PLACE, seen)
    with pytest.raises(EidError) as refusal:
        check(world, presence(world, PLACE), PLACE, seen)
    assert refusal.value.code == "qr.replayed"
    later = issue_presence(PLACE, subject=b"subject", key=world.signer,
                           at=world.now + timedelta(seconds=20))  # fmt: skip
    with pytest.raises(EidError) as refusal:
        check(world, later, PLACE, seen)
    assert refusal.value.code in {"qr.replayed", "qr.issued_in_future"}


def test_q018_no_address_waits_for_a_scanned_code():
    """Whoever adds one brings its limits: 128 bits, bound to the browser's cookie, a pace."""
    waiting = {
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:openid:params:grant-type:ciba",
    }
    assert not waiting & set(GRANT_TYPES)
