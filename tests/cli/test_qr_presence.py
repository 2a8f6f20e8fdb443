"""`eid qr ask | answer | verify --question`: rows Q-001, Q-002 and Q-014, as processes see them."""

import json
import os
import pty
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from eid.chip.evidence import Evidence
from eid.cli import program
from eid.keys import SigningKey
from eid.qr import base45, cose, cwt
from eid.qr.presence import chip_commitment
from eid.qr.scan import scan_image

ISSUER, PLACE = "https://id.example.vn", "https://clinic.example.vn"


@pytest.fixture
def run(capsys):
    def run_eid(*arguments):
        code = program.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_eid


@pytest.fixture
def issuer(tmp_path):
    """Options of an issuer with a key of its own; its public half is in issuer.json."""
    key = SigningKey.generate("qr")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())  # fmt: skip
    (tmp_path / "key.pem").write_bytes(key.private.private_bytes(*form))
    (tmp_path / "issuer.json").write_text(
        json.dumps({"issuer": ISSUER, "keys": [key.public_jwk()]})
    )
    return ["--key", tmp_path / "key.pem", "--issuer", ISSUER]


@pytest.fixture
def asked(run, tmp_path):
    assert run("qr", "ask", PLACE, "--out", tmp_path / "question.png")[0] == 0
    return tmp_path / "question.png"


def answered(run, asked, issuer, tmp_path, *options):
    out = tmp_path / "answer.png"
    done = run("qr", "answer", asked, "--out", out, "--place", PLACE, *issuer, *options, "--json")
    assert done[0] == 0, done
    return out, json.loads(done[1])


def checking(answer, question, tmp_path):
    return ["qr", "verify", str(answer), "--question", str(question), "--seen",
            str(tmp_path / "seen"), "--issuer", str(tmp_path / "issuer.json"), "--json"]  # fmt: skip


def test_q001_a_code_passes_once_also_in_another_process(run, asked, issuer, tmp_path):
    answer, _ = answered(run, asked, issuer, tmp_path, "--subject", "00ff")
    check = checking(answer, asked, tmp_path)
    code, said, _ = run(*check)
    report = json.loads(said)
    assert (code, report["verdict"], report["subject"]) == (0, "accepted", "00ff")
    assert (report["audience"], report["chip_proof"]) == (PLACE, False)
    assert "relay" in report["not_proven"][0]
    again = subprocess.run([sys.executable, "-m", "eid.cli", *check],
                           capture_output=True, text=True, check=False)  # fmt: skip
    assert (again.returncode, json.loads(again.stdout)["code"]) == (1, "qr.replayed")


def test_q001_it_dies_with_its_minute_and_answers_one_question(run, asked, issuer, tmp_path):
    answer, _ = answered(run, asked, issuer, tmp_path)
    late = run(*checking(answer, asked, tmp_path), "--at", "2999-01-01")
    assert json.loads(late[1])["code"] == "qr.expired"
    other = tmp_path / "other.txt"
    assert run("qr", "ask", PLACE, "--out", other)[0] == 0
    refused = run(*checking(answer, other.read_text().strip(), tmp_path))
    assert json.loads(refused[1])["code"] == "qr.challenge"
    assert run(*checking(answer, asked, tmp_path))[0] == 0, "a refusal uses nothing up"


def test_q002_who_asks_is_said_and_signed(run, asked, issuer, tmp_path):
    answer, report = answered(run, asked, issuer, tmp_path)
    assert (report["audience"], report["issuer"], report["seconds"]) == (PLACE, ISSUER, 30)
    attacker = tmp_path / "attacker.txt"
    assert run("qr", "ask", "https://evil.example", "--out", attacker)[0] == 0
    refused = run(*checking(answer, attacker.read_text().strip(), tmp_path))
    assert json.loads(refused[1])["code"] == "qr.audience"


def test_q002_place_and_purpose_are_said_and_signed(run, issuer, tmp_path):
    ask = ["qr", "ask", PLACE, "--where", "Khoa Cấp cứu, bàn 3"]
    question, other = tmp_path / "question.txt", tmp_path / "other.txt"
    assert run(*ask, "--purpose", "Nhận bệnh", "--out", question)[0] == 0
    assert run(*ask, "--purpose", "Vay tiền", "--out", other)[0] == 0
    before = json.loads(run("qr", "show", question.read_text().strip(), "--json")[1])
    assert (before["kind"], before["verified"]) == ("question", False)
    assert (before["audience"], before["place"], before["purpose"]) == (
        PLACE, "Khoa Cấp cứu, bàn 3", "Nhận bệnh",
    )  # fmt: skip
    answer, report = answered(run, question.read_text().strip(), issuer, tmp_path)
    assert (report["place"], report["purpose"]) == ("Khoa Cấp cứu, bàn 3", "Nhận bệnh")
    refused = run(*checking(answer, other.read_text().strip(), tmp_path))
    assert json.loads(refused[1])["code"] == "qr.challenge"
    said = json.loads(run(*checking(answer, question.read_text().strip(), tmp_path))[1])
    assert (said["verdict"], said["place"], said["purpose"]) == (
        "accepted", "Khoa Cấp cứu, bàn 3", "Nhận bệnh",
    )  # fmt: skip


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_q002_at_a_terminal_the_person_must_agree(asked, issuer, tmp_path, typed):
    """A real terminal: the question is shown on it, and without a yes nothing is signed."""
    main, other = pty.openpty()
    command = [sys.executable, "-m", "eid.cli", "qr", "answer", asked, "--out",
               tmp_path / "a.txt", "--place", PLACE, *issuer]  # fmt: skip
    with subprocess.Popen(command, stdin=other, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        os.write(main, typed.encode() or b"\x04")
        _, said = process.communicate(timeout=120)
    os.close(main)
    os.close(other)
    assert process.returncode != 0
    assert PLACE in said
    assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("audience", ["https://evil.example", PLACE + "/", PLACE.upper()])
def test_q014_a_place_that_is_not_registered_gets_no_answer(run, issuer, tmp_path, audience):
    question, out = tmp_path / "question.txt", tmp_path / "answer.png"
    assert run("qr", "ask", audience, "--out", question)[0] == 0
    code, _, said = run("qr", "answer", question.read_text().strip(), "--out", out,
                        "--place", PLACE, *issuer)  # fmt: skip
    assert (code, "(qr.audience)" in said, out.exists()) == (1, True, False)


def test_q014_a_poster_with_one_question_serves_one_person(run, asked, issuer, tmp_path):
    first, _ = answered(run, asked, issuer, tmp_path)
    assert run(*checking(first, asked, tmp_path))[0] == 0
    second, _ = answered(run, asked, issuer, tmp_path)
    assert json.loads(run(*checking(second, asked, tmp_path))[1])["code"] == "qr.replayed"


def test_an_answer_is_bound_to_the_chip_that_was_read(run, asked, issuer, case, tmp_path):
    proof = ["--evidence", case.evidence, "--trust", case.trust, "--challenge", case.challenge]
    answer, report = answered(run, asked, issuer, tmp_path, *proof)
    assert report["chip_proof"] is True
    said = json.loads(run(*checking(answer, asked, tmp_path))[1])
    assert (said["verdict"], said["chip_proof"]) == ("accepted", True)
    text = scan_image(answer.read_bytes())[0].decode()
    found = cwt.parse_claims(cose.parse(base45.decode(text)).payload)
    digest = Evidence.from_json(case.evidence.read_bytes()).digest()
    assert found.every[-70_001] == chip_commitment(digest, found.id)


def test_a_chip_that_proves_nothing_binds_nothing(run, asked, issuer, case, tmp_path):
    answer = ["qr", "answer", asked, "--place", PLACE, "--out", tmp_path / "a.png", *issuer]
    other = run(*answer, "--evidence", case.evidence, "--trust", case.trust,
                "--challenge", "f" * 16)  # fmt: skip
    assert (other[0], "(aa.other_challenge)" in other[2]) == (1, True)
    half = run(*answer, "--evidence", case.evidence)
    assert (half[0], "(settings.qr_answer)" in half[2]) == (2, True)
    assert not (tmp_path / "a.png").exists()


def test_unusable_input(run, asked, issuer, tmp_path):
    def fails(*arguments):
        code, _, said = run(*arguments)
        assert code == 2
        return said

    answer = ["qr", "answer", asked, "--place", PLACE, "--out"]
    assert "(input.subject)" in fails(*answer, tmp_path / "a.png", *issuer, "--subject", "xyz")
    assert "(settings.qr_issue)" in fails(*answer, tmp_path / "a.png")
    assert "(input.out)" in fails("qr", "ask", PLACE, "--out", tmp_path / "a.gif")
    for audience in ("", "a" * 201):
        assert "(qr.question)" in fails("qr", "ask", audience, "--out", tmp_path / "a.png")
    assert "(qr.text" in fails("qr", "ask", "a\u202eb", "--out", tmp_path / "a.png")
    assert "(settings.qr_verify)" in fails("qr", "verify", "X", "--question", "Y")
