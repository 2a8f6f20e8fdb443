import pytest

from eid.errors import FormatError
from eid.levels.factors.pin import check_pin, hash_pin

KNOWN = ("001190000001", "1990-05-17", "090999123")


@pytest.mark.parametrize("pin", ["739164", "028461", "739164028513"])
def test_a_pin_that_nobody_would_try(pin):
    stored = hash_pin(pin, known=KNOWN, insecure_fast_hash=True)
    assert pin not in stored
    assert check_pin(stored, pin)
    assert not check_pin(stored, pin[:-1] + "x")


@pytest.mark.parametrize("pin", ["", "73916", "7391640285133", "73916x", "73 164", "\u0667" * 6])
def test_what_is_no_pin(pin):
    with pytest.raises(FormatError) as caught:
        hash_pin(pin)
    assert caught.value.code == "pin.form"


@pytest.mark.parametrize(
    "pin",
    [
        "000000", "111111", "123456", "654321", "121212", "123123", "112211",
        "159753",
        "000001", "001190", "190000001", "001190000001",  # parts of the number: the CAN among them
        "170590", "17051990", "900517", "19900517", "051790", "05171990", "099912",
    ],
)  # fmt: skip
def test_pins_that_are_tried_first(pin):
    with pytest.raises(FormatError) as caught:
        hash_pin(pin, known=KNOWN)
    assert caught.value.code == "pin.guessed"
    assert pin not in str(caught.value)
