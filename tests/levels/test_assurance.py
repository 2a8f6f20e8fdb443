from datetime import UTC, datetime
from itertools import combinations

import pytest

from eid.levels.assurance import FACTOR_LEVELS, METHODS, Factor, auth_level
from eid.levels.rules import Rules

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def shown(*methods):
    return [Factor.of(method, AT) for method in methods]


@pytest.mark.parametrize(
    ("methods", "level"),
    [
        ((), 0),
        (("password",), 1),
        (("card",), 1),
        (("face",), 1),
        (("password", "pin"), 1),
        (("card", "totp", "code"), 1),
        (("password", "password"), 1),
        (("card", "password"), 2),
        (("totp", "password"), 2),
        (("face", "password"), 3),
        (("face", "card"), 3),
        (("face", "card", "totp"), 3),
        (("face", "card", "password"), 4),
        (("face", "totp", "pin", "password"), 4),
    ],
)
def test_contracts_table(methods, level):
    assert auth_level(shown(*methods)) == level
    assert auth_level(reversed(shown(*methods))) == level


def test_passkey_with_user_verification_is_two_never_three():
    passkey = Factor.of("passkey", AT, user_verified=True)
    assert auth_level([Factor.of("passkey", AT)]) == 1
    assert auth_level([passkey]) == 2
    assert auth_level([passkey, *shown("card")]) == 2
    assert auth_level([passkey, *shown("password")]) == 2
    assert auth_level([passkey, *shown("face")]) == 3


def test_the_law_as_data_says_the_same():
    table = Rules.load().at(AT).factor_table()
    assert set(table) == set(FACTOR_LEVELS)
    for size in range(5):
        for methods in combinations(METHODS, size):
            factors = shown(*methods)
            assert auth_level(factors, table=table) == auth_level(factors)


def test_two_of_one_kind_are_never_more_than_one():
    for one in METHODS:
        for other in METHODS:
            if METHODS[one].kind == METHODS[other].kind:
                assert auth_level(shown(one, other)) == 1
