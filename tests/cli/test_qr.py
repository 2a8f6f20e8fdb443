"""`eid qr issue | show | verify | scan | status`, from a fictional chip to the clerk's answer."""

import base64
import io
import json
import stat
import sys
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from PIL import Image

from eid.app.qr_lists import SignedLists, allocate, qr_key, register_of
from eid.app.settings import Settings
from eid.cli import program
from eid.cli.qr_output import shown
from eid.keys import encode_base64url
from eid.qr import c40, status as lists
from eid.qr.claim169 import Identity
from eid.qr.issue import Terms, issue
from eid.qr.register import StatusRegister
from eid.qr.render import render_png
from eid.qr.scan import scan_image

ISSUER = "https://id.example.vn"
PRINTED = "001090999999||Nguyễn Văn Thử|02031990|Nam|Hà Nội|04052021"


@pytest.fixture
def run(capsys, monkeypatch):
    """The command line in this process: two dozen commands, without two dozen starts of Python."""

    def run_eid(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = program.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return run_eid


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An issuer's eid.toml, its public keys as a file, and its settings."""
    folder = tmp_path_factory.mktemp("issuer")
    config = folder / "eid.toml"
    config.write_text(
        f'issuer = "{ISSUER}"\nlisten = "127.0.0.1:8443"\ndatabase = "sqlite:///eid.db"\n'
        'data_dir = "data"\ntrust = "trust"\n[agent]\nurl = "http://127.0.0.1:8350"\n'
        '[operator]\nlegal_entity = "Clinic"\nrole = "own_services"\n'
    )
    settings = Settings.load(config)
    keys = folder / "issuer.json"
    keys.write_text(json.dumps({"issuer": ISSUER, "keys": [qr_key(settings).public_jwk()]}))
    return folder, config, keys, settings


def credential(settings, **terms):
    key, issuer, reference = allocate(settings)
    now = datetime.now(UTC)
    values = {"issuer": issuer, "issued_at": now, "expires_at": now + timedelta(days=9),
              "status": reference}  # fmt: skip
    return issue(Identity(name="NGUYỄN VĂN THỬ"), Terms(**{**values, **terms}), key), reference


def test_issue_then_scan_show_and_verify(run, case, place):
    folder, config, keys, _ = place
    picture = folder / "code.png"
    done = run(
        "qr", "issue", case.evidence, "--trust", case.trust, "--challenge", case.challenge,
        "--config", config, "--out", picture, "--portrait", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["issuer"], report["status"]["uri"]) == (ISSUER, f"{ISSUER}/status/1")
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert report["version"] <= 22
    scanned = json.loads(run("qr", "scan", picture, "--json").stdout)
    assert [code["kind"] for code in scanned["codes"]] == ["claim169"]
    seen = json.loads(run("qr", "show", picture, "--json").stdout)
    assert (seen["verified"], seen["identity"]["portrait_bytes"] <= 500) == (False, True)
    assert "number" not in seen["identity"]
    checked = run("qr", "verify", picture, "--issuer", keys, "--json")
    assert checked.returncode == 0, checked.stderr
    verdict = json.loads(checked.stdout)
    assert (verdict["verdict"], verdict["binding"]) == ("accepted", "bearer")
    assert verdict["not_proven"]


def test_small_credentials_as_text_and_svg(run, case, place):
    folder, config, keys, _ = place
    common = ["--trust", case.trust, "--challenge", case.challenge, "--config", config]
    text = folder / "age.txt"
    done = run("qr", "issue", case.evidence, *common, "--out", text, "--kind", "age-over")
    assert done.returncode == 0, done.stderr
    verified = run("qr", "verify", "-", "--issuer", keys, "--json", stdin=text.read_text())
    assert json.loads(verified.stdout)["identity"] == {"version": "1.2.0", "age_over": 18}
    drawn = folder / "insurance.svg"
    done = run("qr", "issue", case.evidence, *common, "--out", drawn, "--kind", "insurance",
               "--insurance-number", "-", stdin="DN4790123456789\n")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert drawn.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--out", "x.gif"], "input.out"),
        (["--out", "x.png", "--kind", "all"], "input.kind"),
        (["--out", "x.png", "--include", "phone"], "input.field"),
        (["--out", "x.png", "--kind", "insurance"], "input.insurance"),
        (["--out", "x.png", "--error-correction", "X"], "input.error_correction"),
        (["--out", "x.png", "--key", "k.pem"], "settings.qr_issue"),
    ],
)
def test_unusable_wishes_end_with_2(run, case, place, options, code):
    done = run("qr", "issue", case.evidence, "--trust", case.trust, "--challenge",
               case.challenge, "--config", place[1], *options)  # fmt: skip
    assert (done.returncode, f"({code})" in done.stderr) == (2, True), done.stderr


def test_another_challenge_issues_nothing(run, case, place):
    done = run("qr", "issue", case.evidence, "--trust", case.trust, "--challenge", "f" * 16,
               "--config", place[1], "--out", place[0] / "no.png")  # fmt: skip
    assert done.returncode == 1
    assert not (place[0] / "no.png").exists()


def test_a_pem_key_issues_too(run, case, place, tmp_path):
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())  # fmt: skip
    pem = tmp_path / "key.pem"
    common = ["qr", "issue", case.evidence, "--trust", case.trust, "--challenge", case.challenge,
              "--key", pem, "--issuer", ISSUER, "--out", tmp_path / "code.txt"]  # fmt: skip
    pem.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(*form))
    assert run(*common).returncode == 0
    for content in (ed448.Ed448PrivateKey.generate().private_bytes(*form), b"no key"):
        pem.write_bytes(content)
        done = run(*common)
        assert (done.returncode, "(qr.key)" in done.stderr) == (2, True)


def test_withdrawal_reaches_the_verifier(run, place):
    folder, config, keys, settings = place
    text, reference = credential(settings)
    published = folder / "status.cwt"

    def verify():
        published.write_bytes(SignedLists(settings).statuses().body)
        done = run("qr", "verify", text, "--issuer", keys, "--status",
                   f"{reference.uri}={published}", "--require-status", "--json")  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    code, good = verify()
    assert (code, good["status"]["freshness"]) == (0, "fresh")
    assert run("qr", "status", "suspend", str(reference.index), "--config", config).returncode == 0
    assert verify()[1]["code"] == "qr.suspended"
    checked = run("qr", "status", "check", str(reference.index), "--issuer", keys, "--list",
                  f"{reference.uri}={published}", "--json")  # fmt: skip
    assert (checked.returncode, json.loads(checked.stdout)["code"]) == (1, "qr.suspended")
    run("qr", "status", "restore", str(reference.index), "--config", config)
    assert verify()[0] == 0
    run("qr", "status", "withdraw", str(reference.index), "--config", config)
    code, refused = verify()
    assert (code, refused["verdict"], refused["code"]) == (1, "rejected", "qr.revoked")
    again = run("qr", "status", "restore", str(reference.index), "--config", config)
    assert (again.returncode, "(qr.revoked)" in again.stderr) == (1, True)


def test_the_published_trust_list_names_the_issuer(run, place):
    folder, _, keys, settings = place
    text, _ = credential(settings)
    published = folder / "trust-list"
    published.write_bytes(SignedLists(settings).trust().body)
    done = run("qr", "verify", text, "--trust-list", published, "--publisher", keys, "--json")
    assert (done.returncode, json.loads(done.stdout)["issuer"]) == (0, ISSUER)


def test_what_the_verifier_needs(run, place):
    text, _ = credential(place[3])
    for options in ([], ["--trust-list", "x"]):
        done = run("qr", "verify", text, *options)
        assert (done.returncode, "(settings.qr_verify)" in done.stderr) == (2, True)


def test_forged_and_expired_are_rejected_with_their_reason(run, place):
    _, _, keys, settings = place
    text, _ = credential(settings)
    later = run("qr", "verify", text, "--issuer", keys, "--at", "2099-01-01", "--json")
    assert (later.returncode, json.loads(later.stdout)["code"]) == (1, "qr.expired")
    changed = text[:-1] + ("0" if text[-1] != "0" else "1")
    assert run("qr", "verify", changed, "--issuer", keys).returncode == 1


def test_printed_codes_are_shown_and_never_verified(run, tmp_path):
    picture = tmp_path / "card.png"
    picture.write_bytes(render_png(PRINTED))
    seen = json.loads(run("qr", "show", picture, "--json").stdout)
    assert (seen["kind"], seen["verified"], seen["consistent"]) == ("printed", False, True)
    assert seen["card"]["number"] == "001090999999"
    assert run("qr", "show", "https://id.example.vn/q").returncode == 2


def test_pictures_without_a_code_and_none_at_all(run, tmp_path):
    empty = tmp_path / "empty.png"
    Image.new("L", (50, 50), 255).save(empty)
    assert run("qr", "scan", empty).returncode == 1
    assert run("qr", "show", empty).returncode == 2
    assert run("qr", "scan", __file__).returncode == 2
    assert run("qr", "scan", tmp_path / "none.png").returncode == 2


def test_codes_in_a_pdf(run, tmp_path):
    letter = tmp_path / "letter.pdf"
    drawn = [Image.open(io.BytesIO(render_png(text))).convert("L") for text in ("ONE", "TWO")]
    drawn[0].save(letter, "PDF", save_all=True, append_images=drawn[1:])
    assert scan_image(letter.read_bytes()) == (b"ONE", b"TWO")
    assert run("qr", "scan", letter).stdout == "unknown\tONE\nunknown\tTWO\n"


def test_a_register_is_shared_and_survives(tmp_path):
    register = StatusRegister(tmp_path, size=64)
    given = {register.allocate() for _ in range(20)}
    assert len(given) == 20
    one = min(given)
    register.set_status(one, lists.SUSPENDED)
    assert StatusRegister(tmp_path).packed().status(one) == lists.SUSPENDED
    assert stat.S_IMODE(register.file.stat().st_mode) == 0o600


def test_only_given_places_change(run, place):
    done = run("qr", "status", "withdraw", "1048577", "--config", place[1])
    assert (done.returncode, "(qr.status_index)" in done.stderr) == (1, True)
    for arguments in (["withdraw", "1"], ["check", "1"], ["destroy", "1"]):
        assert run("qr", "status", *arguments).returncode == 2


def test_a_strangers_text_cannot_steer_the_terminal():
    assert shown("a\x1b[2Jb\u202e") == "a�[2Jb�"


def test_the_register_of_the_settings_is_in_the_data_folder(place):
    assert register_of(place[3]).file.parent.parent == place[3].data_dir


def test_codes_of_others_are_verified_with_the_same_keys(run, place):
    _, _, keys, _ = place
    refused = run("qr", "verify", "HC1:6BF", "--issuer", keys, "--json")
    assert (refused.returncode, json.loads(refused.stdout)["verdict"]) == (1, "rejected")


def test_keys_of_foreign_issuers_stand_in_files(run, tmp_path):
    private = ec.derive_private_key(0x5EED, ec.BrainpoolP256R1())
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    keys = tmp_path / "uto.json"

    def verify(**changes):
        entry = {"kid": "0102030405", "spki": encode_base64url(spki), **changes}
        keys.write_text(json.dumps({"issuer": "UTO", "keys": [entry]}))
        done = run("qr", "verify", barcode(private), "--issuer", keys, "--json")
        return done.returncode, done.stdout, done.stderr

    code, said, _ = verify()
    assert (code, json.loads(said)["content"]) == (0, {"can": b"123456".hex()})
    code, said, _ = verify(kid="0102030406")
    assert (code, json.loads(said)["code"]) == (1, "qr.kid_unknown")
    for wrong in ({"kid": "XYZ"}, {"kid": 7}, {"spki": 7}, {"more": 1}, {"kid": "00" * 33}):
        code, _, said = verify(**wrong)
        assert (code, "(qr.issuer_keys)" in said) == (2, True)
    code, _, said = verify(spki="AAAA")
    assert (code, "(qr.key)" in said) == (2, True)


def barcode(private):
    """An ICAO barcode with a CAN, signed on a Brainpool curve."""
    header = c40.encode("UTO") + b"\1\1\2\3\4\5\0" + c40.write_date(date(2026, 11, 20))
    signed = header + b"\x61\x08\x09\x06123456"
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(hashes.SHA256())))
    payload = signed + b"\x7f\x40" + r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return "RDB1B" + base64.b32encode(payload).decode().rstrip("=")


def test_bytes_of_a_terminal_that_are_no_text_are_refused(run, place):
    done = run("qr", "verify", "abc\udcff", "--issuer", place[2])
    assert (done.returncode, "(printed.utf8)" in done.stderr) == (2, True)
