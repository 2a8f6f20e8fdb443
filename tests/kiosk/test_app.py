import html
import logging
import re
from typing import Any

import pytest

from eid.errors import Unavailable
from eid.testing.faults import pulled
from eid.testing.people import PEOPLE
from eid.testing.softcard import SoftwareCard

NUMBER = PEOPLE["thu"].number


def error_code(page: Any) -> str:
    found = re.search(r'<code id="error-code">([^<]+)</code>', page.text)
    assert found
    return found[1]


def test_the_whole_way(desk: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = desk.begin()
    assert page.status_code == 200
    for words in ("Ngân hàng Thử", "Đăng nhập", desk.provider.issuer, "Tôi đồng ý", "I agree"):
        assert words in html.unescape(page.text)
    assert "Portrait" not in page.text
    assert not desk.waited
    path, form = desk.form(page)
    back = desk.post(path, form)
    assert back.status_code == 303
    issuer, handle = desk.provider.issuer, desk.provider.handle
    assert back.headers["Location"] == f"{issuer}/interaction/1/card/return?handle={handle}"
    (content,) = desk.provider.received
    assert content["jti"] == "j" * 22
    evidence = content["evidence"]
    assert {"EF.SOD", "EF.DG1", "EF.DG13", "EF.DG15"} <= evidence["files"].keys()
    assert "EF.DG2" not in evidence["files"]
    assert evidence["active_authentication"]["source"] == "verifier"
    assert "consent issuer=" in caplog.text
    assert NUMBER not in caplog.text + back.text + repr(back.headers)
    assert NUMBER[-6:] not in caplog.text
    assert desk.waited == [45.0]


def test_the_portrait_is_named_when_it_will_be_read(desk: Any) -> None:
    page = desk.begin(desk.provider.request(at=desk.provider.now, plan="bank"))
    assert "Ảnh chân dung" in page.text
    assert "Portrait" in page.text


def test_spaces_or_the_printed_qr_will_do(desk: Any) -> None:
    path, form = desk.form(desk.begin())
    spaced = f" {NUMBER[:3]} {NUMBER[3:]} "
    assert desk.post(path, form | {"number": spaced}).status_code == 303


@pytest.mark.parametrize("number", ["", "123", "0" * 13, "x" * 600, "\u0660" * 12, "<script>"])
def test_a_slip_may_be_corrected(desk: Any, number: str) -> None:
    path, form = desk.form(desk.begin())
    page = desk.post(path, form | {"number": number})
    assert (page.status_code, error_code(page)) == (422, "agent.number")
    assert "<script>" not in page.text
    again, fresh = desk.form(page)
    assert again == path
    assert fresh["form_token"] != form["form_token"]
    assert desk.post(again, fresh).status_code == 303


def test_another_cards_number_can_be_corrected(desk: Any, card_image: Any) -> None:
    desk.cards.append(SoftwareCard(card_image))
    path, form = desk.form(desk.begin())
    page = desk.post(path, form | {"number": PEOPLE["mau"].number})
    assert (page.status_code, error_code(page)) == (422, "access.wrong_password")
    assert PEOPLE["mau"].number not in page.text
    assert desk.post(*desk.form(page)).status_code == 303


def test_a_pulled_card_may_be_presented_again(desk: Any, card_image: Any) -> None:
    desk.cards[:] = [SoftwareCard(card_image, faults=[pulled(8)]), SoftwareCard(card_image)]
    page = desk.post(*desk.form(desk.begin()))
    assert (page.status_code, error_code(page)) == (422, "card.removed")
    assert not desk.provider.received
    assert desk.post(*desk.form(page)).status_code == 303


def test_no_card(desk: Any) -> None:
    desk.cards.clear()
    page = desk.post(*desk.form(desk.begin()))
    assert (page.status_code, error_code(page)) == (422, "card.none")


def test_a_form_works_once(desk: Any, card_image: Any) -> None:
    path, form = desk.form(desk.begin())
    assert desk.post(path, form).status_code == 303
    desk.cards.append(SoftwareCard(card_image))
    page = desk.post(path, form)
    assert (page.status_code, error_code(page)) == (403, "agent.form_used")
    assert len(desk.cards) == 1


def test_without_the_tick_nothing_is_read(desk: Any) -> None:
    path, form = desk.form(desk.begin())
    del form["agree"]
    page = desk.post(path, form)
    assert (page.status_code, error_code(page)) == (403, "agent.no_consent")
    assert not desk.waited


def test_declining_ends_the_request(desk: Any) -> None:
    path, form = desk.form(desk.begin())
    declined = desk.post(path.replace("agree", "decline"), {"form_token": form["form_token"]})
    assert declined.status_code == 200
    assert "Nothing was read" in declined.text
    assert error_code(desk.post(path, form)) == "agent.form_used"
    assert not desk.waited


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((403, b"{}"), 403, "agent.evidence_refused"),
        ((500, b"{}"), 503, "agent.provider_answer"),
        ((302, b"{}"), 503, "agent.provider_answer"),
        ((200, b"[]"), 503, "agent.provider_answer"),
        ((200, b'{"handle": 3}'), 503, "agent.provider_answer"),
        ((200, b'{"handle": "a&b=c&0123456789"}'), 503, "agent.provider_answer"),
        ((200, b" " * 5_000), 503, "agent.provider_answer"),
    ],
)
def test_what_the_provider_answers(
    desk: Any, answer: tuple[int, bytes], status: int, code: str
) -> None:
    desk.provider.answer = lambda: answer
    desk.provider.headers["Location"] = "http://evil.example/"
    page = desk.post(*desk.form(desk.begin()))
    assert (page.status_code, error_code(page)) == (status, code)
    assert len(desk.provider.received) == 1


def test_a_request_that_is_no_token(desk: Any) -> None:
    page = desk.begin("x.y")
    assert page.status_code == 400
    assert error_code(page) == "jws.form"
    assert "Enter nothing here" in page.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("request=a", "text/plain"),
        ("request=a", "application/json"),
        ("request=a&request=b", "application/x-www-form-urlencoded"),
        ("request", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
        ("other=a", "application/x-www-form-urlencoded"),
        ("request=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=a", "application/x-www-form-urlencoded"),
        ("request=" + "a" * 20_000, "application/x-www-form-urlencoded"),
        ("&".join(f"f{n}=a" for n in range(20)), "application/x-www-form-urlencoded"),
    ],
)
def test_unusable_forms(desk: Any, body: str | bytes, kind: str) -> None:
    headers = {"Host": desk.host, "Origin": desk.provider.issuer, "Content-Type": kind}
    page = desk.client.simulate_post("/card", body=body, headers=headers)
    assert 400 <= page.status_code < 500
    assert error_code(page) in {"agent.form", "jws.form", "jws.size", "agent.request_format"}


def test_only_post_has_effect(desk: Any) -> None:
    headers = {"Host": desk.host, "Origin": desk.provider.issuer}
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        page = desk.client.simulate_request(method, "/card", headers=headers)
        assert page.status_code == 405
    page = desk.client.simulate_get("/nothing", headers=headers)
    assert (page.status_code, error_code(page)) == (404, "http.404")


def test_every_answer_is_hardened(desk: Any) -> None:
    issuer = desk.provider.issuer
    token = desk.provider.request(at=desk.provider.now, client_origin="https://shop.example")
    page = desk.begin(token)
    style = desk.client.simulate_get("/style.css", headers={"Host": desk.host})
    live = desk.client.simulate_get("/health/live", headers={"Host": desk.host})
    bad = desk.client.simulate_get("/nothing", headers={"Host": desk.host})
    assert style.headers["Content-Type"].startswith("text/css")
    assert live.text == "live"
    for answer in (page, style, live, bad):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith(f"form-action 'self' {issuer} https://shop.example")


def test_markup_in_names_stays_text(desk: Any) -> None:
    token = desk.provider.request(
        at=desk.provider.now, client_name="<img src=x onerror=alert(1)>\u202e", purpose="a" * 500
    )
    page = desk.begin(token)
    assert "<img" not in page.text
    assert "\u202e" not in page.text
    assert "a" * 121 not in page.text


def test_pages_need_no_other_host_and_are_small(desk: Any) -> None:
    page = desk.begin()
    style = desk.client.simulate_get("/style.css", headers={"Host": desk.host})
    assert len(page.content) + len(style.content) < 100_000
    assert not re.findall(r'(?:src|href)="(?!/style\.css"|/live\.js")', page.text)
    assert "url(" not in style.text
    assert re.findall(r"<script[^>]*>", page.text) == ['<script src="/live.js" defer>']


def test_a_defect_shows_a_calm_page(desk: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_timeout: float) -> None:
        raise RuntimeError(NUMBER)

    desk.agent._connect = broken
    page = desk.post(*desk.form(desk.begin()))
    assert (page.status_code, error_code(page)) == (500, "error")
    assert NUMBER not in page.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_the_provider_being_away_is_said(desk: Any) -> None:
    def away(_pinned: object, **_: object) -> None:
        raise Unavailable("gone", code="agent.provider_unreachable")

    desk.agent._keys = away
    page = desk.begin()
    assert (page.status_code, error_code(page)) == (503, "agent.provider_unreachable")
    assert "Check the network" in page.text
