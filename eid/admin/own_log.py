"""The person's own log: who looked, who was told what, when; as a page, and on paper (contracts §8).

>>> page = own_log_page([], name="thu")
>>> "Nhật ký" in page
True
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape

from eid.levels.rules import VIETNAM
from eid.oidc.log_words import SHOWN, words

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #777;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}code{font-size:85%}@media print{body{margin:0}}"
)

DATA = "data:application/json;base64,"
"""How the page carries its proofs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One row of the record about the person; ``place`` is node and number, for a proof."""

    at: datetime
    kind: str
    client: str | None
    detail: Mapping[str, str]
    place: str


def own_log_page(lines: Iterable[LogLine], *, name: str, proofs: bytes = b"") -> str:
    """A whole HTML page, without script, that prints well; every value is escaped.

    ``proofs`` is a JSON document with a proof for each line: the page carries it for download,
    and its SHA-256 in print, so that paper and file belong together.
    """
    rows = "".join(_row(line) for line in lines)
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        f"<title>Nhật ký / Log</title><style>{STYLE}</style></head><body>"
        f"<h1>Nhật ký tài khoản {escape(name)} / Your log</h1>"
        "<p>Mỗi dòng có số thứ tự trong sổ ghi; bạn có quyền yêu cầu chứng minh cho từng dòng. / "
        "Each line has its place in the record; you may ask for a proof of any.</p>"
        "<table><thead><tr><th>Lúc / When</th><th>Việc / What</th><th>Dịch vụ / Service</th>"
        "<th>Chi tiết / Detail</th><th>Số / Place</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{_proofs(proofs)}</body></html>"
    )


def _proofs(document: bytes) -> str:
    if not document:
        return ""
    digest = hashlib.sha256(document).hexdigest()
    groups = " ".join(digest[place : place + 8] for place in range(0, len(digest), 8))
    data = base64.b64encode(document).decode("ascii")
    return (
        f'<p><a download="proofs.json" href="{DATA}{data}">Bằng chứng cho từng dòng / '
        "Proofs of the lines</a> (eid audit check FILE --keys KEYS)</p>"
        f"<p>SHA-256: <code>{groups}</code></p>"
    )


def _row(line: LogLine) -> str:
    local = line.at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
    detail = "; ".join(f"{name}: {line.detail[name]}" for name in SHOWN if line.detail.get(name))
    cells = (
        f"<time>{local}</time>",
        escape(_words(line.kind)),
        escape(line.client or ""),
        escape(detail),
        f"<code>{escape(line.place)}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _words(kind: str) -> str:
    known = words().get(kind)
    return kind if known is None else f"{known['vi']} / {known['en']}"
