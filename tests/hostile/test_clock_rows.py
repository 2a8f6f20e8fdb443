"""C-054: clocks that are wrong, of the reader, of the verifier and in the middle of a read."""

from __future__ import annotations

import dataclasses
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest

from eid.chip.access import Can
from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.plan import PLANS
from eid.chip.policy import Policy
from eid.chip.read import read
from eid.chip.transport import ReaderInfo
from eid.chip.verify import BANK, IDENTIFY, LEVEL2, POLICIES, judge, verify
from eid.cli.doctor import clock_finding
from eid.errors import VerificationError
from eid.testing.authority import DocumentAuthority
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_active import sign
from eid.trust.revocation import parse_crl
from eid.trust.store import TrustStore

OURS = bytes.fromhex("0123456789abcdef")
YEAR, DAY = timedelta(days=365), timedelta(days=1)


@pytest.fixture(scope="module")
def evidence(card_image, at):
    response = sign(card_image.aa_private_key, OURS, rng=secrets.token_bytes)
    return Evidence(
        files={name: data for name, data in card_image.files.items() if name != "EF.DG3"},
        access=UNKNOWN_ACCESS,
        active_authentication=ActiveAuthentication(
            challenge=OURS, response=response, source="verifier"
        ),
        read_at=at,
    )


def trust_of(authority, *lists):
    return TrustStore.of(csca=[authority.csca_der], crl=lists)


@pytest.mark.parametrize("wrong", [-50 * YEAR, -YEAR, -DAY, DAY, YEAR, 50 * YEAR])
def test_c_054_a_readers_clock_decides_nothing(evidence, authority, at, wrong):
    """C-054: the reader's clock, wrong by a day or by fifty years, changes no check."""
    trust = trust_of(authority, authority.crl(at=at))
    told = dataclasses.replace(evidence, read_at=at + wrong)
    for policy in POLICIES.values():
        right = judge(evidence, trust, policy=policy, at=at, challenge=OURS)
        assert judge(told, trust, policy=policy, at=at, challenge=OURS) == right
        assert right.verdict == "accepted"


@pytest.mark.parametrize("lag", [2 * DAY, YEAR, 56 * YEAR])
def test_c_054_a_clock_that_is_behind_is_in_doubt(evidence, authority, at, lag):
    """C-054: what the document's authority has signed cannot lie in the future."""
    trust = trust_of(authority, authority.crl(at=at))
    for policy in (IDENTIFY, BANK, LEVEL2):
        verdict = judge(evidence, trust, policy=policy, at=at - lag, challenge=OURS)
        expiry = verdict.check("document.expiry")
        assert (expiry.status, expiry.code) == ("unknown", "clock.behind")
        assert f"{at:%Y-%m-%d}" in expiry.message
        assert verdict.check("sod.revocation").status != "passed"
        assert verdict.verdict == "rejected"
        with pytest.raises(VerificationError):
            verify(evidence, trust, policy=policy, at=at - lag, challenge=OURS)


def test_c_054_it_would_have_served_an_expired_document(evidence, authority, at):
    """C-054: that is what the doubt is for; without it the old date would have been believed."""
    later = at + 40 * YEAR
    trust = trust_of(authority, authority.crl(at=later))
    blind = dataclasses.replace(IDENTIFY, max_clock_doubt_s=None)
    assert "document.expired" in judge(evidence, trust, at=later).reasons
    assert judge(evidence, trust, policy=blind, at=at).verdict == "accepted"
    assert judge(evidence, trust, at=at).reasons == ("clock.behind",)


@pytest.mark.parametrize(("doubt", "code"), [(3600, "clock.behind"), (7200, "document.valid")])
def test_c_054_how_much_doubt_is_policy(evidence, authority, at, doubt, code):
    """C-054: an hour and a half behind is too much for one policy and not for another."""
    trust = trust_of(authority, authority.crl(at=at))
    policy = Policy(name="own", required=IDENTIFY.required, max_clock_doubt_s=doubt)
    verdict = judge(evidence, trust, policy=policy, at=at - timedelta(minutes=90))
    assert verdict.check("document.expiry").code == code


@pytest.mark.parametrize("skew", [-DAY, timedelta(0), DAY])
def test_c_054_a_day_is_no_doubt(evidence, authority, at, skew):
    """C-054: a day either way changes nothing."""
    trust = trust_of(authority, authority.crl(at=at))
    assert judge(evidence, trust, at=at + skew).verdict == "accepted"


def test_c_054_nobody_else_can_cast_doubt(evidence, authority, at):
    """C-054: a list from the future counts only from the document's own, pinned authority."""
    later = at + YEAR
    namesake = DocumentAuthority.create(at=at)
    foreign = DocumentAuthority.create(country="XX", at=at)
    forged = bytearray(authority.crl(at=later))
    forged[-1] ^= 1
    for crl in (namesake.crl(at=later), foreign.crl(at=later), bytes(forged)):
        trust = TrustStore.of(csca=[authority.csca_der, foreign.csca_der], crl=[crl])
        assert judge(evidence, trust, at=at).verdict == "accepted"


def test_c_054_a_clock_that_is_ahead_refuses_and_says_what_it_shows(evidence, authority, at):
    """C-054: ahead is the safe side; the message names the date, so that the clock is looked at."""
    trust = trust_of(authority, authority.crl(at=at))
    wrong = datetime(2099, 1, 1, tzinfo=UTC)
    verdict = judge(evidence, trust, policy=BANK, at=wrong, challenge=OURS)
    assert verdict.verdict == "rejected"
    assert "2099-01-01, by the clock" in verdict.check("document.expiry").message
    assert "2099-01-01" in verdict.check("sod.revocation").message


def test_c_054_times_at_the_edge_of_the_calendar(evidence, authority, at):
    """C-054: the first and the last moment that a clock can show are verdicts too."""
    trust = trust_of(authority, authority.crl(at=at))
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for doubt in (0, 10**18):
            policy = dataclasses.replace(BANK, max_clock_doubt_s=doubt)
            verdict = judge(evidence, trust, policy=policy, at=moment, challenge=OURS)
            assert verdict.verdict == "rejected"


def test_c_054_the_wall_clock_jumps_in_mid_read(card_image, at, monkeypatch):
    """C-054: time-outs are counted on the monotonic clock: a year's jump neither ends nor prolongs."""

    class Jumping:
        reader = ReaderInfo(name="Jumping")

        def __init__(self):
            self._inner, self._count = SoftwareCard(card_image), 0

        def transmit(self, command):
            self._count += 1
            jump = YEAR.total_seconds() * (-1) ** self._count
            real = time.time_ns() / 1e9
            monkeypatch.setattr(time, "time", lambda: real + jump)
            return self._inner.transmit(command)

        def close(self):
            self._inner.close()

    evidence = read(Jumping(), Can(card_image.can), plan=PLANS["kiosk"], deadline_s=120.0, at=at)
    assert "EF.DG1" in evidence.files


@pytest.mark.parametrize(("lag", "status"), [(YEAR, "failed"), (timedelta(0), "ok")])
def test_c_054_doctor_looks_at_the_clock(authority, at, lag, status):
    """C-054: and the operator is told before anybody stands at the counter."""
    found = clock_finding([parse_crl(authority.crl(at=at))], at - lag)
    assert found.status == status
    assert bool(found.remedy) == (status == "failed")
