"""acr as a table: every value against every standing (contracts §6)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from eid.oidc.acr import AcrRequest, Standing, answer, holds, is_met, parse, supported

P = "urn:eid"


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("urn:eid:level:1", ("level", 1)),
        ("urn:eid:level:2", ("level", 2)),
        ("urn:eid:level:3", None),
        ("urn:eid:level:0", None),
        ("urn:eid:auth:4", ("auth", 4)),
        ("urn:eid:auth:5", None),
        ("urn:eid:auth:01", None),
        ("urn:eid:auth:¹", None),
        ("urn:eid:auth:1 ", None),
        ("urn:eid:auth:1\n", None),
        ("URN:EID:auth:1", None),
        ("urn:eidx:auth:1", None),
        ("", None),
    ],
)
def test_values(value, parsed):
    assert parse(value, P) == parsed


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("auth", [1, 2, 3, 4])
@pytest.mark.parametrize("floor", [None, 1, 2, 3])
def test_both_axes_count(level, auth, floor):
    standing = Standing(level=level, auth_level=auth, min_auth_level=floor)
    for n in (1, 2):
        expected = level >= n and auth >= (floor or n)
        assert holds(f"{P}:level:{n}", standing, prefix=P) is expected
    for n in (1, 2, 3, 4):
        assert holds(f"{P}:auth:{n}", standing, prefix=P) is (auth >= n)


def test_an_own_prefix():
    standing = Standing(level=2, auth_level=2)
    prefix = "https://bank.example/loa"
    assert holds(f"{prefix}:level:2", standing, prefix=prefix)
    assert not holds("urn:eid:level:2", standing, prefix=prefix)
    assert answer(AcrRequest(), standing, prefix=prefix) == f"{prefix}:auth:2"
    assert supported(prefix, auth_level=1) == (f"{prefix}:level:1", f"{prefix}:auth:1")


VALUES = st.lists(
    st.sampled_from([*supported(P, auth_level=4), "urn:eid:level:9", "x"]), max_size=4
)


@given(essential=VALUES, voluntary=VALUES, level=st.integers(0, 2), auth=st.integers(1, 4))
def test_the_answer_is_a_requested_value_that_holds_or_the_auth_level(
    essential, voluntary, level, auth
):
    request = AcrRequest(essential=tuple(essential), voluntary=tuple(voluntary))
    standing = Standing(level=level, auth_level=auth)
    given_back = answer(request, standing, prefix=P)
    asked = [*essential, *voluntary]
    held = [value for value in asked if holds(value, standing, prefix=P)]
    assert given_back == (held[0] if held else f"{P}:auth:{auth}")
    if essential and is_met(request, standing, prefix=P):
        assert given_back in essential
    assert AcrRequest.from_json(request.to_json()) == request
