import pickle

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.keys import Envelope

ENVELOPE = Envelope(bytes(range(32)))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_round_trip(data, context):
    sealed = ENVELOPE.seal(data, context=context)
    assert ENVELOPE.open(sealed, context=context) == data
    assert len(sealed) == 1 + 12 + len(data) + 16


def test_sealed_form():
    sealed = Envelope(bytes(32)).seal(b"name", context=b"account:1", rng=bytes)
    assert sealed[:13] == b"\x01" + bytes(12)
    assert AESGCM(bytes(32)).decrypt(bytes(12), sealed[13:], b"\x01account:1") == b"name"


def test_another_context_key_or_byte_does_not_open():
    sealed = ENVELOPE.seal(b"name", context=b"account:1")
    attempts = [(ENVELOPE, sealed, b"account:2"), (Envelope(bytes(32)), sealed, b"account:1")]
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        attempts.append((ENVELOPE, bytes(changed), b"account:1"))
    attempts += [(ENVELOPE, sealed[:length], b"account:1") for length in range(len(sealed))]
    for envelope, data, context in attempts:
        with pytest.raises(FormatError) as caught:
            envelope.open(data, context=context)
        assert caught.value.code == "envelope"


def test_key_length_repr_and_pickle():
    with pytest.raises(ValueError, match="32 bytes"):
        Envelope(bytes(16))
    assert bytes(range(32)).hex() not in repr(ENVELOPE)
    with pytest.raises(TypeError):
        pickle.dumps(ENVELOPE)
