import zlib

import pytest
from hypothesis import given, strategies as st

from eid.errors import FormatError
from eid.qr import base45, envelope


def refused(stream: bytes) -> str:
    with pytest.raises(FormatError) as refusal:
        envelope.unpack(base45.encode(stream))
    assert refusal.value.code == "qr.zlib"
    return refusal.value.message


@given(st.binary(max_size=600))
def test_round_trip(message):
    assert envelope.unpack(envelope.pack(message)) == message


@pytest.mark.parametrize("level", range(10))
def test_reads_what_other_writers_compress(level):
    message = b"some text, some text, some more text" * 5
    assert envelope.unpack(base45.encode(zlib.compress(message, level))) == message


def test_refuses_a_zip_bomb_in_bounded_memory():
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    with pytest.raises(FormatError, match="unfolds to more"):
        envelope.inflate(bomb)


def test_64_kib_is_the_limit():
    limit = envelope.MAX_INFLATED
    assert len(envelope.inflate(zlib.compress(b"\0" * limit))) == limit
    assert "unfolds" in refused(zlib.compress(b"\0" * (limit + 1)))


def test_refuses_what_follows_the_stream():
    assert "follow" in refused(zlib.compress(b"message") + b"\0")


def test_refuses_damage_and_cuts():
    stream = zlib.compress(b"message")
    assert "damaged" in refused(b"plain text")
    assert "damaged" in refused(stream[:-1] + b"\0")
    assert "cut short" in refused(stream[:-1])
    assert "cut short" in refused(b"")
    assert "cut short" in refused(b"\x78")


def test_refuses_a_preset_dictionary_and_other_wrappers():
    compressor = zlib.compressobj(zdict=b"message")
    assert refused(compressor.compress(b"message") + compressor.flush())
    raw = zlib.compressobj(wbits=-15)
    assert refused(raw.compress(b"message") + raw.flush())
    gzip = zlib.compressobj(wbits=31)
    assert refused(gzip.compress(b"message") + gzip.flush())


def test_unused_bits_must_be_zero():
    """Else several texts would stand for one message (RFC 1951 §3.2.3 leaves them open)."""
    for message in (b"", b"a", b"message", b"a longer message " * 3):
        stream = bytearray(zlib.compress(message, 9))
        for bit in range(8):
            changed = bytearray(stream)
            changed[-5] ^= 1 << bit
            assert refused(bytes(changed))


@given(st.binary(max_size=60), st.integers(0, 9), st.integers(0, 7))
def test_unused_bits_of_other_writers_must_be_zero_too(message, level, bit):
    """Whatever the kind of block: another last byte is other content, or no code."""
    stream = bytearray(zlib.compress(message, level))
    assert envelope.unpack(base45.encode(stream)) == message
    stream[-5] ^= 1 << bit
    assert refused(bytes(stream))
