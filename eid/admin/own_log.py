"""The person's own log: who looked, who was told what, when; as a page, and on paper (contracts §8).

>>> page = own_log_page([], name="thu")
>>> "Nhật ký" in page
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape

from eid.levels.rules import VIETNAM

WORDS: Mapping[str, str] = {
    "account.added": "Tài khoản được tạo / account created",
    "account.looked_at": "Cán bộ xem dữ liệu của bạn / an officer looked at your data",
    "account.proofed_at_counter": "Xác minh tại quầy / proofed at the counter",
    "account.proofed_remotely": "Xác minh từ xa / proofed remotely",
    "account.locked": "Khóa tài khoản / account locked",
    "account.unlocked": "Mở khóa / account unlocked",
    "account.closed": "Đóng tài khoản / account closed",
    "account.recovered": "Khôi phục / account recovered",
    "case.opened": "Mở hồ sơ xem xét / a case was opened",
    "case.decided": "Hồ sơ được quyết định / a case was decided",
    "code.issued": "Dịch vụ được trả lời / a service was answered",
    "token.issued": "Dịch vụ nhận thông tin / a service was told",
    "consent.given": "Bạn đã đồng ý / you agreed",
    "consent.withdrawn": "Bạn rút đồng ý / you withdrew",
    "factor.enrolled": "Thêm yếu tố xác thực / a factor was added",
    "factor.removed": "Gỡ yếu tố xác thực / a factor was removed",
    "factor.lost": "Báo mất yếu tố xác thực / a factor was reported lost",
    "login.password_checked": "Đăng nhập / log-in",
    "login.refused": "Đăng nhập bị từ chối / log-in refused",
}
_SHOWN = ("by", "reason", "ground", "level", "purpose", "what", "acr", "decision", "outcome")
STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #777;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}code{font-size:85%}@media print{body{margin:0}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One row of the record about the person; ``place`` is node and number, for a proof."""

    at: datetime
    kind: str
    client: str | None
    detail: Mapping[str, str]
    place: str


def own_log_page(lines: Iterable[LogLine], *, name: str) -> str:
    """A whole HTML page, without script, that prints well; every value is escaped."""
    rows = "".join(_row(line) for line in lines)
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        f"<title>Nhật ký / Log</title><style>{STYLE}</style></head><body>"
        f"<h1>Nhật ký tài khoản {escape(name)} / Your log</h1>"
        "<p>Mỗi dòng có số thứ tự trong sổ ghi; bạn có quyền yêu cầu chứng minh cho từng dòng. / "
        "Each line has its place in the record; you may ask for a proof of any.</p>"
        "<table><thead><tr><th>Lúc / When</th><th>Việc / What</th><th>Dịch vụ / Service</th>"
        "<th>Chi tiết / Detail</th><th>Số / Place</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )


def _row(line: LogLine) -> str:
    local = line.at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
    detail = "; ".join(f"{name}: {line.detail[name]}" for name in _SHOWN if line.detail.get(name))
    cells = (
        f"<time>{local}</time>",
        escape(WORDS.get(line.kind, line.kind)),
        escape(line.client or ""),
        escape(detail),
        f"<code>{escape(line.place)}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
