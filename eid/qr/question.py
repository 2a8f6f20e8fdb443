"""The relying party's question as a QR text: who asks, and a fresh challenge (own format).

>>> asked = Asked(audience="https://clinic.example", challenge=bytes(16))
>>> read_question(write_question(asked)) == asked
True

The person's device shows the audience and has the issuer sign the answer, a presence code. The
question itself is unsigned: it says where an answer would count, not who draws it on the screen.
"""

from __future__ import annotations

from typing import Final

from eid.errors import FormatError
from eid.qr import base45, cbor
from eid.qr.plaintext import shown_text
from eid.qr.presence import CHALLENGE_SIZE, Asked

PREFIX: Final = "EIDASK1:"
MAX_AUDIENCE: Final = 200
_AUDIENCE, _CHALLENGE = 3, 10
_MAX_SIZE = 256


def write_question(asked: Asked) -> str:
    """The text for the relying party's screen; ``FormatError`` as for `read_question`."""
    content = cbor.encode({_AUDIENCE: asked.audience, _CHALLENGE: asked.challenge})
    text = PREFIX + base45.encode(content)
    read_question(text)
    return text


def read_question(text: str) -> Asked:
    """What is asked; ``FormatError`` ``qr.question``, or as its codecs say. Ignores nothing."""
    if not text.startswith(PREFIX):
        raise _refuse()
    raw = cbor.decode_map(base45.decode(text.removeprefix(PREFIX)), max_size=_MAX_SIZE)
    match raw:
        case {3: str(audience), 10: bytes(challenge)} if len(raw) == 2:
            if not audience or len(challenge) != CHALLENGE_SIZE:
                raise _refuse()
            return Asked(
                audience=shown_text(audience, max_chars=MAX_AUDIENCE), challenge=challenge
            )
        case _:
            raise _refuse()


def _refuse() -> FormatError:
    return FormatError("The code is no question for a presence code.", code="qr.question")
