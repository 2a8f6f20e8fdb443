import pytest

from eid.qr import base45
from eid.qr.presence import Asked, issue_presence
from eid.qr.recognise import kind_of


def test_our_own_codes(world, identity):
    assert kind_of(world.issue(identity).encode()) == "claim169"
    asked = Asked(audience="https://clinic.example", challenge=bytes(16))
    presence = issue_presence(asked, subject=b"s", key=world.signer, at=world.now)
    assert kind_of(presence.encode()) == "signed"


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff\xfe", b"ABCD", base45.encode(b"text").encode(), b"DN4|a|b"]
)
def test_everything_else_is_unknown(content):
    assert kind_of(content) == "unknown"
