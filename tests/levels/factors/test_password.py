import pytest

from eid.errors import FormatError
from eid.levels.factors.password import check_password, hash_password, needs_rehash


def test_strong_parameters():
    assert hash_password("long enough").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_insecure_switch_is_checked_like_any_and_asks_for_a_new_hash():
    fast = hash_password("long enough", insecure_fast_hash=True)
    assert "m=8,t=1" in fast
    assert check_password(fast, "long enough")
    assert needs_rehash(fast)
    assert not needs_rehash(hash_password("long enough"))


def test_salted():
    assert len({hash_password("long enough", insecure_fast_hash=True) for _ in range(3)}) == 3


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129])
def test_length(password):
    with pytest.raises(FormatError) as caught:
        hash_password(password)
    assert caught.value.code == "password.length"
    assert password not in str(caught.value) or not password


@pytest.mark.parametrize(
    "wrong", ["", "long enougH", "long enough ", "x" * 100_000, "\ud800", "long enough\0"]
)
def test_wrong_passwords(wrong):
    assert not check_password(hash_password("long enough", insecure_fast_hash=True), wrong)


def test_longest_password_and_one_more():
    stored = hash_password("x" * 128, insecure_fast_hash=True)
    assert check_password(stored, "x" * 128)
    assert not check_password(stored, "x" * 129)


def test_normal_form():
    stored = hash_password("mật khẩu", insecure_fast_hash=True)
    assert check_password(
        stored, "m\u1ea1\u0302t kh\u00e2\u0309u".replace("\u1ea1\u0302", "\u1ead")
    )
    assert check_password(stored, "ma\u0323\u0302t khẩu")


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$broken", "$2b$12$x"])
def test_malformed_hash(stored):
    with pytest.raises(FormatError):
        check_password(stored, "long enough")
