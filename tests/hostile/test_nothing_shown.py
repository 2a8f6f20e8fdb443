"""C-065 where cards are judged: what values, copies and tracebacks show of the holder."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import secrets
import traceback

import pytest

from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.verify import BANK, judge, verify
from eid.errors import VerificationError
from eid.testing.people import PEOPLE
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore

CHALLENGE = bytes.fromhex("0123456789abcdef")
THU = PEOPLE["thu"]
PERSONAL = (THU.number, THU.number[3:], THU.name, "NGUYEN", f"{THU.birth_date:%y%m%d}")


@pytest.fixture(scope="module")
def evidence(card_image, at):
    response = sign(card_image.aa_private_key, CHALLENGE, rng=secrets.token_bytes)
    return Evidence(
        files={name: data for name, data in card_image.files.items() if name != "EF.DG3"},
        access=UNKNOWN_ACCESS,
        active_authentication=ActiveAuthentication(
            challenge=CHALLENGE, response=response, source="verifier"
        ),
        read_at=at,
    )


@pytest.fixture(scope="module")
def trust(authority, at):
    return TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])


def silent(text):
    assert not [word for word in PERSONAL if word in text]


def values(evidence, trust, at):
    card = verify(evidence, trust, policy=BANK, at=at, challenge=CHALLENGE)
    verdict = judge(evidence, trust, at=at, challenge=CHALLENGE)
    assert verdict.holder is not None
    proof = evidence.active_authentication
    return (card, card.holder, card.mrz, card.dg13, verdict, *verdict.checks, evidence, proof)


def test_no_value_shows_the_holder(evidence, trust, at):
    for value in values(evidence, trust, at):
        for text in (repr(value), str(value), f"{value}", repr([value]), repr({1: value})):
            silent(text)
            assert CHALLENGE.hex() not in text
            assert repr(CHALLENGE)[2:-1] not in text


def test_a_verified_card_is_not_pickled_and_so_not_forged(evidence, trust, at):
    """The type is the proof: it does not come back from bytes, and copies stay the same value."""
    card = verify(evidence, trust, at=at)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for value in (card, evidence):
            with pytest.raises(TypeError):
                pickle.dumps(value, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(card)
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.possession_proven = True


def broken(evidence):
    for name in ("EF.SOD", "EF.DG1", "EF.DG2", "EF.DG13", "EF.DG15"):
        data = evidence.files[name]
        files = {**evidence.files, name: data[:-9] + bytes(9)}
        yield dataclasses.replace(evidence, files=files)
        yield dataclasses.replace(evidence, files={**evidence.files, name: data[:-1]})
    yield dataclasses.replace(
        evidence,
        active_authentication=dataclasses.replace(
            evidence.active_authentication, response=bytes(256)
        ),
    )


def test_no_traceback_shows_the_holder_even_with_locals(evidence, trust, at):
    """Error collectors record every frame's variables: they find values that show nothing."""
    for bad in broken(evidence):
        with pytest.raises(VerificationError) as caught:
            verify(bad, trust, policy=BANK, at=at, challenge=CHALLENGE)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(shown.format())
        assert "_judge" in text or "verify(" in text
        silent(text)


def test_no_error_of_a_check_keeps_frames(evidence, trust, at):
    for bad in broken(evidence):
        verdict = judge(bad, trust, policy=BANK, at=at, challenge=CHALLENGE)
        for check in verdict.checks:
            silent(check.message + repr(check.error))
            assert check.error is None or check.error.__traceback__ is None
