from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from eid.admin.own_log import LogLine, own_log_page

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)


def line(**changes):
    given = {
        "at": AT,
        "kind": "account.looked_at",
        "client": None,
        "detail": {"by": "canbo", "reason": "hồ sơ 12", "case": "x"},
        "place": "node-1/7",
    }
    return LogLine(**{**given, **changes})


def test_who_looked_and_who_was_told():
    page = own_log_page([line(), line(kind="token.issued", client="bank")], name="thu")
    assert "22/11/2026 03:30:00" in page  # the day in Vietnam
    for text in ("canbo", "hồ sơ 12", "bank", "node-1/7", "a service was told"):
        assert text in page
    assert "case: x" not in page


def test_nothing_is_run_and_everything_is_escaped():
    nasty = "<script>alert(1)</script>"
    page = own_log_page(
        [line(kind=nasty, client=nasty, detail={"reason": nasty}, place=nasty)], name=nasty
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 5


def test_the_paper_names_the_file_of_its_proofs():
    document = b'{"proofs": []}'
    page = own_log_page([line()], name="thu", proofs=document)
    digest = hashlib.sha256(document).hexdigest()
    assert digest[:8] + " " + digest[8:16] in page
    assert base64.b64encode(document).decode() in page
    assert "proofs.json" not in own_log_page([line()], name="thu")
