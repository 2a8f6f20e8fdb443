from typing import Any

from eid.kiosk.consent import consent_to


def test_the_record_says_who_what_why_and_in_which_words(provider: Any) -> None:
    request = provider.accepted(client_name="x\nforged log line", purpose="y")
    record = consent_to(request, text_version="vi/1+en/1", at=provider.now)
    assert record.issuer == provider.issuer
    assert record.files == tuple(request.plan.files)
    assert (record.plan, record.text_version, record.act) == ("kiosk", "vi/1+en/1", "checkbox")
    assert record.request_id == request.jti
    assert record.at == provider.now
    assert "forged" not in record.line()
    assert "\n" not in record.line()
