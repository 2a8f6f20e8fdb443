"""Level 2 by the face port, with the fake engine of the tests."""

from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import RequestRefused
from eid.levels.factors.face import FaceTask, face_factor
from eid.levels.proofing import Presence
from eid.testing.face_engine import FaceEngine

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
TASK = FaceTask(audience="https://id.example", transaction_id="t1", dg2_digest=bytes(32))


def shown(engine, *, keys=None, task=TASK, at=AT):
    token = engine(TASK, b"portrait", at=AT)
    return face_factor(token, keys or engine.keys, task, issuer=engine.issuer, at=at)


def test_its_word_is_a_match_in_presence():
    assert Presence(face=shown(FaceEngine.create())).match == "face"


def test_another_face_key_transaction_portrait_or_hour():
    other = FaceEngine.create()
    attempts = [
        lambda: shown(FaceEngine.create(score=0.5)),
        lambda: shown(FaceEngine.create(), keys=other.keys),
        lambda: shown(
            other, task=FaceTask(audience="x", transaction_id="t1", dg2_digest=bytes(32))
        ),
        lambda: shown(
            other,
            task=FaceTask(audience=TASK.audience, transaction_id="t2", dg2_digest=bytes(32)),
        ),
        lambda: shown(
            other,
            task=FaceTask(audience=TASK.audience, transaction_id="t1", dg2_digest=b"1" * 32),
        ),
        lambda: shown(other, at=AT + timedelta(minutes=4)),
    ]
    for attempt in attempts:
        with pytest.raises(RequestRefused) as caught:
            attempt()
        assert caught.value.code in {"face", "face.no_match"}
