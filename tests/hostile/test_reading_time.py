"""Evidence older than the challenge, or of any time at all: ``read_at`` decides nothing.

What is fresh is decided by Active Authentication over the verifier's own challenge alone. A
challenge cannot be answered before it was made, so evidence older than it carries another one
and is refused; a reader's clock neither helps nor harms.
"""

from __future__ import annotations

import dataclasses
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.verify import BANK, IDENTIFY, LEVEL2, judge, verify
from eid.errors import ChallengeMismatch
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore

OURS = bytes.fromhex("0123456789abcdef")
EARLIER = bytes.fromhex("1111111111111111")
CLOCKS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2099, 1, 1, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def trust(authority, at):
    return TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])


def answered(image, challenge, read_at):
    response = sign(image.aa_private_key, challenge, rng=secrets.token_bytes)
    return Evidence(
        files={name: data for name, data in image.files.items() if name != "EF.DG3"},
        access=UNKNOWN_ACCESS,
        active_authentication=ActiveAuthentication(
            challenge=challenge, response=response, source="verifier"
        ),
        read_at=read_at,
    )


@pytest.mark.parametrize("clock", CLOCKS)
def test_evidence_from_before_the_challenge_is_refused_whatever_its_clock_says(
    card_image, trust, at, clock
):
    old = answered(card_image, EARLIER, clock)
    for policy in (IDENTIFY, BANK, LEVEL2):
        verdict = judge(old, trust, policy=policy, at=at, challenge=OURS)
        assert (verdict.verdict, verdict.reasons[0]) == ("rejected", "aa.other_challenge")
    with pytest.raises(ChallengeMismatch):
        verify(old, trust, at=at, challenge=OURS)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_readers_wrong_clock_changes_no_check(card_image, trust, at, clock):
    good = answered(card_image, OURS, at)
    told = dataclasses.replace(good, read_at=clock)
    right = judge(good, trust, policy=BANK, at=at, challenge=OURS)
    wrong = judge(told, trust, policy=BANK, at=at, challenge=OURS)
    assert wrong.verdict == "accepted"
    assert wrong.to_json() == right.to_json()
    assert verify(told, trust, policy=BANK, at=at, challenge=OURS).verified_at == at


def test_no_clock_of_a_reader_stands_in_for_a_challenge(card_image, trust, at):
    recent = answered(card_image, OURS, at - timedelta(seconds=1))
    verdict = judge(recent, trust, policy=LEVEL2, at=at)
    assert verdict.check("aa.freshness").code == "aa.no_challenge"
    assert verdict.verdict == "rejected"
    assert not verify(recent, trust, at=at).possession_proven


def test_an_expired_document_stays_expired_whenever_it_was_read(card_image, trust, at):
    later = at + timedelta(days=365 * 40)
    evidence = answered(card_image, OURS, at)
    assert "document.expired" in judge(evidence, trust, at=later, challenge=OURS).reasons
