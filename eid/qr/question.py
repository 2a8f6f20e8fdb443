"""The relying party's question as a QR text: who asks, where, why, and a fresh challenge (own format).

>>> asked = Asked(audience="https://clinic.example", challenge=bytes(16),
...               place="Desk 3", purpose="Check-in")
>>> read_question(write_question(asked)) == asked
True

The person's device shows audience, place and purpose and has the issuer sign the answer, a presence
code, for these very words. The question itself is unsigned: it says where an answer would count, not
who draws it on the screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eid.errors import FormatError
from eid.qr import base45, cbor
from eid.qr.cbor import Cbor
from eid.qr.plaintext import shown_text
from eid.qr.presence import CHALLENGE_SIZE, Asked

PREFIX: Final = "EIDASK1:"
MAX_WORDS: Final = 200
"""Bytes of audience, place and purpose together: they fit a code of version 11."""
_AUDIENCE, _CHALLENGE, _PLACE, _PURPOSE = 3, 10, 11, 12
_KEYS: Final = frozenset({_AUDIENCE, _CHALLENGE, _PLACE, _PURPOSE})
_MAX_SIZE = 256


def write_question(asked: Asked) -> str:
    """The text for the relying party's screen.

    ``FormatError`` as for `read_question`, ``qr.question`` also for words that are not in NFC.
    """
    content: dict[int | str, Cbor] = {_AUDIENCE: asked.audience, _CHALLENGE: asked.challenge}
    words = {_PLACE: asked.place, _PURPOSE: asked.purpose}
    content.update({key: word for key, word in words.items() if word})
    text = PREFIX + base45.encode(cbor.encode(content))
    if read_question(text) != asked:
        raise _refuse()
    return text


def read_question(text: str) -> Asked:
    """What is asked; ``FormatError`` ``qr.question``, or as its codecs say. Ignores nothing."""
    if not text.startswith(PREFIX):
        raise _refuse()
    raw = cbor.decode_map(base45.decode(text.removeprefix(PREFIX)), max_size=_MAX_SIZE)
    challenge = raw.get(_CHALLENGE)
    if not raw.keys() <= _KEYS or not isinstance(challenge, bytes):
        raise _refuse()
    if len(challenge) != CHALLENGE_SIZE:
        raise _refuse()
    audience, place, purpose = (_word(raw, key) for key in (_AUDIENCE, _PLACE, _PURPOSE))
    if not audience or len((audience + place + purpose).encode()) > MAX_WORDS:
        raise _refuse()
    return Asked(audience=audience, challenge=challenge, place=place, purpose=purpose)


def _word(raw: Mapping[int | str, Cbor], key: int) -> str:
    """A text without anything hidden; the empty one only where none is written."""
    word = raw.get(key)
    if word is None and key not in raw:
        return ""
    if not isinstance(word, str) or not word:
        raise _refuse()
    return shown_text(word, max_chars=MAX_WORDS)


def _refuse() -> FormatError:
    return FormatError("The code is no question for a presence code.", code="qr.question")
