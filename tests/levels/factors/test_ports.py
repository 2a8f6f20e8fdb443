"""Factors that come from outside: breached passwords, codes by mail, faces, the register."""

from __future__ import annotations

import smtplib
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import FormatError, RequestRefused, Unavailable
from eid.keys import JwkSet, SigningKey, encode_base64url, sign_jwt
from eid.levels.factors.code import Channel, SmtpSender, message, new_code
from eid.levels.factors.face import FACE_TYPE, FaceTask, face_factor, no_face_matcher
from eid.levels.factors.otp import new_totp_secret, totp_uri
from eid.levels.factors.passkey import Passkey, credential_id
from eid.levels.factors.password import hash_password, is_breached

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password123!",
        "MATKHAU123",
        "anhyeuem2026",
        "12345678",
        "1qaz2wsx",
        "iloveyou!!",
    ],
)
def test_passwords_that_everybody_knows(password):
    assert is_breached(password)
    with pytest.raises(FormatError) as caught:
        hash_password(password, insecure_fast_hash=True)
    assert caught.value.code == "password.breached"


@pytest.mark.parametrize("password", ["correct horse battery", "một câu dài để nhớ", "r8#kfQz1!p"])
def test_others(password):
    assert not is_breached(password)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "thu"),
        ("email", "a@b@c"),
        ("email", "@example.vn"),
        ("email", "thu@"),
        ("email", "thử@example.vn"),
        ("email", "a@b\r\nBcc: c@d"),
        ("email", "-oQ@example.vn"),
        ("email", "a,b@example.vn"),
        ("email", "x" * 300 + "@example.vn"),
        ("sms", "12"),
        ("sms", "+84-900"),
        ("sms", "٠٩٠٠٠٠٠٠٠١"),
        ("letter", ""),
        ("pigeon", "roof"),
    ],
)
def test_addresses_that_are_none(kind, address):
    with pytest.raises(FormatError) as caught:
        Channel(kind=kind, address=address)
    assert caught.value.code == "channel.address"
    assert address not in str(caught.value) or not address


def test_codes_and_secrets():
    assert len({new_code() for _ in range(50)}) > 45
    assert "12345678" in message("12345678", "Thử")
    secret = new_totp_secret()
    assert len(secret) == 32
    assert totp_uri(secret, username="thu", issuer="Thử").startswith("otpauth://totp/")


def _mail_server(answers, received):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 test\r\n")
            stream.flush()
            in_data = False
            for line in stream:
                received.append(line)
                word = line.split()[0].upper() if line.split() else b""
                if in_data:
                    if line != b".\r\n":
                        continue
                    in_data = False
                    reply = b"250 taken\r\n"
                else:
                    reply = answers.get(word, b"250 ok\r\n")
                    in_data = word == b"DATA" and reply.startswith(b"354")
                stream.write(reply)
                stream.flush()
                if word == b"QUIT":
                    break
        listener.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def sender(port):
    return SmtpSender(host="127.0.0.1", port=port, sender="eid@example.vn")


MAIL = Channel(kind="email", address="thu@example.vn")


def test_mail_is_sent():
    received = []
    port, thread = _mail_server({b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}, received)
    sender(port)(MAIL, message("12345678", "Thử"), at=AT)
    thread.join(10)
    text = b"".join(received)
    assert b"rcpt TO:<thu@example.vn>" in text
    assert b"Date: Sat, 21 Nov 2026" in text


def test_a_server_that_refuses_and_one_that_is_not_there():
    port, thread = _mail_server({b"RCPT": b"550 no thu@example.vn here\r\n"}, [])
    with pytest.raises(Unavailable) as caught:
        sender(port)(MAIL, "x", at=AT)
    thread.join(10)
    assert "thu@example.vn" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(Unavailable):
        sender(1)(MAIL, "x", at=AT)
    with pytest.raises(Unavailable):
        sender(1)(Channel(kind="sms", address="+84900000001"), "x", at=AT)
    assert issubclass(smtplib.SMTPException, OSError)


# -- L-015, L-009: faces ---------------------------------------------------------------------------

ENGINE = SigningKey.generate("face")
KEYS = JwkSet.of(ENGINE)
TASK = FaceTask(audience="https://id.example.vn", transaction_id="t1", dg2_digest=bytes(32))
NOW = int(AT.timestamp())
CLAIMS = {
    "iss": "https://engine.example",
    "aud": "https://id.example.vn",
    "txn": "t1",
    "dg2": encode_base64url(bytes(32)),
    "score": 0.97,
    "threshold": 0.9,
    "liveness": "iBeta level 2, 2026",
    "iat": NOW,
    "exp": NOW + 180,
}


def judged(claims, at=AT, key=ENGINE, typ=FACE_TYPE):
    token = sign_jwt(claims, key, typ=typ)
    return face_factor(token, KEYS, TASK, issuer="https://engine.example", at=at)


def test_a_face_result_that_holds():
    assert judged(CLAIMS).kind == "inherence"
    assert judged({**CLAIMS, "score": 0.9}, at=AT + timedelta(seconds=180)).at == AT


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"aud": "https://other.example"},
        {"txn": "t2"},
        {"dg2": encode_base64url(b"\x01" * 32)},
        {"score": None},
        {"score": "0.99"},
        {"score": True},
        {"score": 97},
        {"threshold": 0},
        {"threshold": None},
        {"liveness": ""},
        {"liveness": None},
        {"iat": NOW - 181, "exp": NOW + 3600},
        {"iat": NOW + 3600, "exp": NOW + 7200},
        {"iat": None},
        {"exp": NOW - 60},
    ],
)
def test_l015_a_face_result_that_does_not(change):
    with pytest.raises(RequestRefused) as caught:
        judged({**CLAIMS, **change})
    assert caught.value.code == "face"


def test_l015_forged_and_not_matching():
    with pytest.raises(RequestRefused):
        judged(CLAIMS, key=SigningKey.generate("face"))
    with pytest.raises(RequestRefused):
        judged(CLAIMS, typ="JWT")
    with pytest.raises(RequestRefused) as caught:
        judged({**CLAIMS, "score": 0.89})
    assert caught.value.code == "face.no_match"
    with pytest.raises(Unavailable):
        no_face_matcher(TASK, b"", at=AT)
    with pytest.raises(ValueError, match="task"):
        FaceTask(audience="a", transaction_id="", dg2_digest=bytes(32))


def test_malformed_passkeys():
    with pytest.raises(FormatError):
        credential_id(Passkey(data=b"garbage", sign_count=0))
