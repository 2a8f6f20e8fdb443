"""A clerk at the page: camera or picture in; green, amber or red with words out."""

import io
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from eid.qr import base45, cbor, cose, envelope
from eid.qr.claim169 import Biometric
from eid.qr.render import render_png
from eid.qr.signers import SoftwareSigner
from eid.qr.verifier.settings import TRUST_PATH
from eid.qr.verifier.site import export_site

HOUR = timedelta(hours=1)


def film(png, path):
    """What the fake camera shows: one frame, again and again."""
    frame = Image.new("L", (1280, 720), 200)
    code = Image.open(io.BytesIO(png)).convert("L")
    frame.paste(code, ((1280 - code.width) // 2, (720 - code.height) // 2))
    buffer = io.BytesIO()
    frame.convert("RGB").save(buffer, "JPEG", quality=85)
    path.write_bytes(buffer.getvalue() * 3)
    return path


def test_camera_to_green(launch, desk_in, clinic, tmp_path):
    text = clinic.credential(residence="Số 1, phố Thử", birth_date=None)
    desk = desk_in(
        launch(camera=film(render_png(text, module_px=8), tmp_path / "code.mjpeg")), clinic
    )
    desk.page.click("#scan")
    assert desk.verdict() == ("green", "page.accepted")
    heading = desk.words("#verdict-heading")
    assert "HỢP LỆ" in heading
    assert "VALID" in heading
    shown = desk.words("#verdict-details")
    for words in ("NGUYỄN VĂN THỬ", "Số 1, phố Thử", "Nam", "https://id.example.vn"):
        assert words in shown
    assert "không phải giấy tờ của nhà nước" in shown
    assert desk.page.evaluate("document.activeElement.id") == "verdict-heading"
    assert desk.page.evaluate("document.getElementById('video').srcObject") is None
    desk.page.click("#language")
    assert "not a state document" in desk.words("#verdict-details")


def test_a_stopped_camera_is_off(launch, desk_in, clinic, tmp_path):
    blank = io.BytesIO()
    Image.new("1", (40, 40), 1).save(blank, "PNG")
    desk = desk_in(launch(camera=film(blank.getvalue(), tmp_path / "blank.mjpeg")), clinic)
    desk.page.click("#scan")
    desk.until("document.getElementById('video').readyState >= 2")
    desk.page.click("#stop")
    assert desk.page.evaluate("document.getElementById('video').srcObject") is None
    assert desk.page.is_visible("#scan")
    desk.page.click("#scan")
    desk.until("document.getElementById('video').readyState >= 2")
    desk.page.evaluate(
        "document.getElementById('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    assert desk.page.is_visible("#scan")
    assert "Không dùng được máy ảnh" in desk.words("#notice")


def test_tampered_is_red(desk, clinic):
    message = envelope.unpack(clinic.credential())
    text = envelope.pack(message.replace("THỬ".encode(), "GIẢ".encode()))
    assert text != clinic.credential()
    assert desk.show(text) == ("red", "qr.signature")
    assert "KHÔNG CHẤP NHẬN" in desk.words("#verdict-heading")
    assert "NOT ACCEPTED" in desk.words("#verdict-heading")
    assert "GIẢ" not in desk.words("main")
    assert "qr.signature" in desk.words("#verdict-details")


def test_expired_is_red(desk, clinic):
    assert desk.show(clinic.credential(ends=-HOUR)) == ("red", "qr.expired")
    assert "hết hạn" in desk.words("#verdict-reason")


def test_an_unknown_issuer_is_red(desk, clinic):
    stranger = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    assert desk.show(clinic.credential(signer=stranger)) == ("red", "qr.kid_unknown")


def test_withdrawn_is_red(desk, clinic):
    assert desk.show(clinic.credential(index=7)) == ("red", "qr.revoked")


def test_no_withdrawal_list_is_said(desk, clinic):
    assert desk.show(clinic.credential(index=None)) == ("green", "page.accepted")
    assert "bên cấp không có danh sách thu hồi" in desk.words("#verdict-details")


OTHER_CODES = {
    "001099000001|123456789|Nguyễn Văn Thử|01011999|Nam|Phố Thử|01012021": "page.printed_card",
    "HC1:NCFOXN%TS": "page.other_format",
    "https://evil.example/": "page.other_format",
    "xin chào": "page.not_ours",
    "AB": "page.not_ours",
}


def test_other_codes_are_red_and_say_why(desk):
    for text, code in OTHER_CODES.items():
        assert desk.show(text) == ("red", code)
        desk.next()


def test_hostile_text_stays_text(desk, clinic):
    name = "<img src=x onerror=alert(1)>"
    assert desk.show(clinic.credential(name=name)) == ("green", "page.accepted")
    assert name in desk.words("#verdict-details")
    assert desk.page.query_selector("#verdict img") is None
    assert "text.markup (4)" in desk.words("#verdict-details")
    desk.next()
    claims = {1: "https://id.example.vn", 4: int(clinic.now.timestamp()) + 60,
              169: {4: "THU\u202eGNUH"}}  # fmt: skip
    hidden = envelope.pack(cose.sign(cbor.encode(claims), clinic.signer))
    assert desk.show(hidden) == ("red", "qr.text")


def test_the_portrait_is_shown(desk, clinic):
    picture = io.BytesIO()
    Image.new("RGB", (64, 80), (90, 120, 150)).save(picture, "WEBP", quality=20)
    face = Biometric(data=picture.getvalue(), format=0, subformat=4)
    assert desk.show(clinic.credential(biometrics={62: (face,)}))[0] == "green"
    desk.until("document.querySelector('#verdict img').naturalWidth === 64")
    desk.next()
    fake = Biometric(data=b"<svg onload=alert(1)>", format=0, subformat=4)
    assert desk.show(clinic.credential(biometrics={62: (fake,)}))[0] == "green"
    assert desk.page.query_selector("#verdict img") is None


def test_presence_passes_once(desk, clinic):
    desk.page.click("#ask")
    asked = desk.question()
    assert asked.audience == "https://clinic.example.vn"
    assert (asked.place, asked.purpose) == ("Khoa Cấp cứu, bàn 3", "Nhận bệnh <b>")
    assert desk.words("#question-place") == asked.place
    assert desk.words("#question-purpose") == asked.purpose
    text = clinic.presence(asked)
    assert desk.show(text) == ("green", "page.accepted")
    assert bytes(range(16)).hex() in desk.words("#verdict-details")
    desk.next()
    assert desk.show(text) == ("red", "page.not_asked")
    desk.next()
    desk.page.click("#ask")
    assert desk.question().challenge != asked.challenge
    assert desk.show(text) == ("red", "qr.challenge")
    assert desk.page.evaluate(REPLAY, [text, list(asked.challenge)]) == "qr.replayed"
    desk.visit()
    assert desk.page.evaluate(REPLAY, [text, list(asked.challenge)]) == "qr.replayed"


REPLAY = """async ([text, challenge]) => {
  const [{ Store }, { Knowledge }, { judge }] = await Promise.all(
    ["store", "knowledge", "judge"].map((name) => import(`${document.baseURI}${name}.js`)));
  const seen = await Store.open();
  const knowledge = new Knowledge(seen);
  const at = Date.now() / 1000;
  await knowledge.restore(at);
  const { audience, place, purpose } = knowledge.config;
  const asked = { audience, place, purpose, challenge: Uint8Array.from(challenge) };
  return (await judge(text, knowledge, { at, asked, seen })).code;
}"""


def test_of_many_at_once_one_passes(desk, clinic):
    desk.page.click("#ask")
    asked = desk.question()
    tried = desk.page.evaluate(
        f"""async (given) => Promise.all(Array.from({{ length: 8 }}, () => ({REPLAY})(given)))""",
        [clinic.presence(asked), list(asked.challenge)],
    )
    assert sorted(tried) == ["page.accepted"] + ["qr.replayed"] * 7


def test_another_credential_ends_the_question(desk, clinic):
    assert desk.show(clinic.credential())[0] == "green"
    desk.page.click("#ask-holder")
    asked = desk.question()
    assert desk.show("EIDASK1:ABC") == ("red", "page.other_format")
    desk.next()
    assert desk.page.is_visible("#question")
    assert desk.show(clinic.credential())[0] == "green"
    desk.next()
    assert desk.page.is_hidden("#question")
    assert desk.show(clinic.presence(asked)) == ("red", "page.not_asked")


def test_presence_for_others_is_red(desk, clinic):
    desk.page.click("#ask")
    asked = desk.question()
    other = replace(asked, audience="https://bank.example.vn")
    assert desk.show(clinic.presence(other)) == ("red", "qr.audience")
    desk.next()
    for words in ({"place": "Ngân hàng"}, {"purpose": "Vay tiền"}, {"place": "", "purpose": ""}):
        assert desk.show(clinic.presence(replace(asked, **words))) == ("red", "qr.challenge")
        desk.next()
    assert desk.show(clinic.presence(asked, age_s=40)) == ("red", "qr.expired")
    desk.next()
    assert desk.show(clinic.presence(asked)) == ("green", "page.accepted")


def test_presence_of_the_holder_of_a_credential(desk, clinic):
    assert desk.show(clinic.credential())[0] == "green"
    desk.page.click("#ask-holder")
    stranger = clinic.presence(desk.question(), subject=bytes(16))
    assert desk.show(stranger) == ("red", "page.other_holder")
    desk.next()
    desk.page.click("#cancel-question")
    assert desk.show(clinic.credential())[0] == "green"
    desk.page.click("#ask-holder")
    assert desk.show(clinic.presence(desk.question())) == ("green", "page.accepted")
    assert "người trong mã vừa kiểm tra" in desk.words("#verdict-details")


def test_offline_after_a_reload(desk_in, browser, own_clinic):
    clinic, desk = own_clinic, desk_in(browser, own_clinic)
    desk.page.evaluate("navigator.serviceWorker.ready")
    desk.page.context.set_offline(True)
    clinic.reachable = False
    desk.visit()
    assert desk.page.evaluate("navigator.serviceWorker.controller !== null")
    assert desk.show(clinic.credential()) == ("green", "page.accepted")
    desk.next()
    assert desk.show(clinic.credential(index=7)) == ("red", "qr.revoked")
    desk.next()
    desk.page.click("#ask")
    assert desk.show(clinic.presence(desk.question())) == ("green", "page.accepted")


def test_a_broken_line_makes_knowledge_old(desk_in, browser, own_clinic):
    clinic = own_clinic
    clinic.lists_from = clinic.now - 6 * HOUR
    desk = desk_in(browser, clinic)
    clinic.reachable = False
    assert desk.show(clinic.credential()) == ("red", "qr.trust_list_stale")
    for allowed, verdict in (
        (1, ("red", "qr.trust_list_stale")),
        (3, ("amber", "page.accepted_stale")),
    ):
        clinic.max_stale = allowed * HOUR
        desk.visit()
        assert desk.show(clinic.credential()) == verdict
    assert "VALID, WITH CARE" in desk.words("#verdict-heading")
    assert "CŨ" in desk.words("#verdict-details")


def test_an_older_trust_list_replaces_nothing(desk_in, browser, own_clinic):
    clinic, desk = own_clinic, desk_in(browser, own_clinic)
    clinic.version, clinic.listed = 2, False
    desk.visit()
    assert desk.show(clinic.credential()) == ("red", "qr.kid_unknown")
    clinic.version, clinic.listed = 1, True
    desk.visit()
    assert desk.show(clinic.credential()) == ("red", "qr.kid_unknown")
    assert "qr.trust_list_older" in desk.page.text_content("#knowledge-list")


def test_without_a_trust_list_nothing_is_believed(desk_in, browser, own_clinic):
    clinic = own_clinic
    clinic.reachable = False
    desk = desk_in(browser, clinic)
    assert desk.show(clinic.credential()) == ("red", "page.no_trust")


def test_a_browser_without_ed25519_says_so(desk_in, browser, own_clinic):
    """The publisher signs with Ed25519: what cannot be checked is not believed."""
    desk = desk_in(browser, own_clinic)
    desk.page.add_init_script("""
      const original = crypto.subtle.importKey.bind(crypto.subtle);
      crypto.subtle.importKey = async (format, key, algorithm, ...rest) => {
        if (algorithm.name === "Ed25519") throw new DOMException("old", "NotSupportedError");
        return original(format, key, algorithm, ...rest);
      };""")
    desk.visit()
    assert "browser.ed25519" in desk.page.text_content("#knowledge-list")
    assert desk.show(own_clinic.credential()) == ("red", "page.no_trust")


def test_a_browser_that_keeps_nothing_takes_no_presence_codes(desk_in, browser, own_clinic):
    desk = desk_in(browser, own_clinic)
    desk.page.add_init_script(
        "indexedDB.open = () => { throw new DOMException('', 'SecurityError'); };"
    )
    desk.visit()
    assert desk.show(own_clinic.credential()) == ("green", "page.accepted")
    desk.next()
    desk.page.click("#ask")
    assert desk.show(own_clinic.presence(desk.question())) == ("red", "page.no_memory")


def test_pictures_without_a_code(desk):
    blank = io.BytesIO()
    Image.new("L", (300, 300), 255).save(blank, "PNG")
    for content, said in (
        (blank.getvalue(), "Không tìm thấy mã"),
        (b"no picture", "không phải là ảnh"),
    ):
        desk.page.set_input_files(
            "#file", {"name": "a.png", "mimeType": "image/png", "buffer": content}
        )
        desk.until(f"document.getElementById('notice').textContent.includes('{said}')")


def test_a_code_without_quiet_zone_is_found(desk, clinic):
    whole = Image.open(io.BytesIO(render_png(clinic.credential(), module_px=5)))
    cut = whole.crop((20, 20, whole.width - 20, whole.height - 20))
    buffer = io.BytesIO()
    cut.save(buffer, "PNG")
    assert desk.show_picture(buffer.getvalue()) == ("green", "page.accepted")


def test_it_can_be_installed(desk):
    devtools = desk.page.context.new_cdp_session(desk.page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    found = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in found} <= {"in-incognito"}


def test_exported_to_a_static_host(browser, desk_in, own_clinic, static_host):
    """Below a folder, without our headers: the policy stands in the page itself."""
    folder, address = static_host
    lists = {TRUST_PATH: own_clinic.trust_list, "lists/status-0": own_clinic.status_list}
    export_site(folder / "quay" / "1", own_clinic.settings().to_json(), lists)
    own_clinic.url = f"{address}/quay/1/"
    desk = desk_in(browser, own_clinic)
    assert desk.show(own_clinic.credential()) == ("green", "page.accepted")
    blocked = desk.page.evaluate("""() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (said) => resolve(said.effectiveDirective));
      fetch("http://127.0.0.1:1/").catch(() => {});
    })""")
    assert blocked == "connect-src"
    desk.problems.clear()
    desk.page.evaluate("navigator.serviceWorker.ready")
    desk.page.context.set_offline(True)
    desk.visit()
    assert desk.show(own_clinic.credential(index=7)) == ("red", "qr.revoked")
