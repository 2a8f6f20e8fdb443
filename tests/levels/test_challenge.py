import hashlib

import pytest
from hypothesis import given, strategies as st

from eid.levels.challenge import derive_challenge

PARTS = {
    "issuer": "https://id.example",
    "client_id": "bank",
    "transaction_id": "T-1",
    "cookie_hash": bytes(range(32)),
    "random": bytes(range(32, 64)),
}


def test_vector_written_by_hand():
    """Contracts §2, byte by byte: label, then each part after its two-byte length."""
    message = bytes.fromhex(
        "6569642d61612d7631"  # eid-aa-v1
        "001268747470733a2f2f69642e6578616d706c65"  # https://id.example
        "000462616e6b"  # bank
        "0003542d31"  # T-1
        "0020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "0020202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    )  # fmt: skip
    assert derive_challenge(**PARTS) == hashlib.sha256(message).digest()[:8]
    assert derive_challenge(**PARTS).hex() == "d6366e70c1b7edfb"


def test_empty_parts_are_two_zero_bytes():
    message = b"eid-aa-v1" + bytes(8) + b"\x00\x20" + b"r" * 32
    empty = {"issuer": "", "client_id": "", "transaction_id": "", "cookie_hash": b""}
    assert derive_challenge(**empty, random=b"r" * 32) == hashlib.sha256(message).digest()[:8]


def test_parts_do_not_run_into_each_other():
    moved = {**PARTS, "client_id": "bankT", "transaction_id": "-1"}
    assert derive_challenge(**moved) != derive_challenge(**PARTS)


def test_lengths_are_bytes_of_utf8():
    assert derive_challenge(**{**PARTS, "client_id": "ngân"}) != derive_challenge(**PARTS)


@pytest.mark.parametrize(
    "changes", [{"random": b""}, {"random": bytes(31)}, {"cookie_hash": bytes(31)}]
)
def test_wrong_sizes(changes):
    with pytest.raises(ValueError, match="32"):
        derive_challenge(**{**PARTS, **changes})


@given(st.sampled_from(sorted(PARTS)), st.binary(min_size=32, max_size=32))
def test_every_part_counts(name, value):
    changed = value if isinstance(PARTS[name], bytes) else value.hex()
    if changed != PARTS[name]:
        assert derive_challenge(**{**PARTS, name: changed}) != derive_challenge(**PARTS)
