"""Policies: the three named ones and those of an operator's own."""

from __future__ import annotations

import pytest

from eid.chip.policy import BANK, FLOOR, IDENTIFY, LEVEL2, POLICIES, Policy, load_policy
from eid.errors import SettingsError


def test_named_policies():
    assert set(POLICIES) == {"identify", "bank", "level1", "level2"}
    assert BANK.required == LEVEL2.required > IDENTIFY.required
    assert not any(policy.insecure_allow_sha1 for policy in POLICIES.values())


def test_unknown_checks_are_a_callers_bug():
    with pytest.raises(ValueError, match="unknown checks"):
        Policy(name="mine", required=FLOOR | {"sod.everything"})


@pytest.mark.parametrize("name", sorted(FLOOR))
def test_no_policy_goes_below_the_floor(name):
    with pytest.raises(ValueError, match="every policy requires"):
        Policy(name="mine", required=IDENTIFY.required - {name})


def test_a_policy_of_ones_own(tmp_path):
    path = tmp_path / "hospital.toml"
    path.write_text('required = ["aa.signature"]\nissuing_state = "VNM"\n')
    policy = load_policy(path)
    assert policy.name == "hospital"
    assert policy.required == FLOOR | {"aa.signature"}
    assert policy.issuing_state == "VNM"
    path.write_text('name = "x"\nrequire_complete = true\n')
    assert load_policy(path) == Policy(name="x", required=IDENTIFY.required, require_complete=True)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("not toml at all", ""),
        ("requires = []", "requires"),
        ("require_complete = 1", "require_complete"),
        ('required = ["everything"]', "required"),
        ("required = [1]", "required"),
        ("required = [[1]]", "required"),
        ("required = 'mrz'", "required"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, key):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_policy(path)
    assert caught.value.facts["key"] == key


def test_a_missing_file(tmp_path):
    with pytest.raises(SettingsError):
        load_policy(tmp_path / "none.toml")
