from datetime import UTC, datetime

import pytest

from eid.errors import AccountError
from eid.levels.account import Profile
from eid.levels.register import RegisterAnswer, check_register, no_register

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def answer(status, *differs):
    return RegisterAnswer(status=status, at=AT, source="register-x", differs=differs)


def test_nobody_is_asked_by_default_and_that_is_said():
    person = Profile(name="A", birth_date="1990-05-17", personal_number="001190000001")
    assert check_register(no_register(person, at=AT)) == {
        "register": "no_answer",
        "register_source": "none",
    }


def test_what_the_register_says_is_recorded_beside_the_chip():
    assert check_register(answer("confirmed"))["register"] == "confirmed"
    assert check_register(answer("differs", "address"))["register_differs"] == "address"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer("cancelled"), "account.number_cancelled"),
        (answer("differs", "address", "name"), "account.register"),
        (answer("differs", "birth_date"), "account.register"),
        (answer("differs", "personal_number"), "account.register"),
    ],
)
def test_where_chip_and_state_disagree_the_state_wins(said, code):
    with pytest.raises(AccountError) as caught:
        check_register(said)
    assert caught.value.code == code
