"""The words of the verdict page: Vietnamese first, then English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Words = tuple[str, str]

HEADLINES: Final[Mapping[str, Words]] = {
    "accepted": (
        "Chấp nhận: chữ ký dẫn tới cơ quan cấp đã được cấu hình, mọi kiểm tra bắt buộc đều đạt.",
        "Accepted: signed by a configured anchor, and every required check passed.",
    ),
    "unanchored": (
        "Chữ ký hợp lệ nhưng chưa xác định được cơ quan cấp. Không được coi là thẻ thật.",
        "Signature valid, chain not anchored. This is not a genuine card to anybody.",
    ),
    "rejected": (
        "Từ chối. Không phục vụ dựa trên thẻ này.",
        "Rejected. Do not serve on the strength of this card.",
    ),
}
STATUSES: Final[Mapping[str, Words]] = {
    "passed": ("đạt", "passed"),
    "failed": ("không đạt", "failed"),
    "absent": ("không có", "absent"),
    "unknown": ("chưa rõ", "unknown"),
}
CHECKS: Final[Mapping[str, Words]] = {
    "sod.signature": ("Chữ ký trên danh mục dữ liệu", "Signature over the list of data"),
    "sod.chain": ("Chuỗi tới cơ quan cấp", "Chain to the issuing authority"),
    "sod.revocation": ("Thu hồi chứng thư ký", "Revocation of the signer"),
    "sod.hashes": ("Dữ liệu không bị sửa", "Data unchanged"),
    "lds.consistency": ("Danh mục nhất quán", "Lists agree"),
    "mrz": ("Vùng đọc máy", "Machine readable zone"),
    "holder.consistency": ("Thông tin người mang thẻ nhất quán", "Holder's data agree"),
    "document.expiry": ("Thời hạn của thẻ", "Expiry of the card"),
    "pace.confirmation": ("Giao thức truy cập đã được ký", "Access protocol as signed"),
    "aa.signature": ("Chip gốc đã ký", "The original chip signed"),
    "aa.freshness": ("Chip trả lời đúng thử thách lần này", "Answer to this very challenge"),
    "chip_auth": ("Xác thực chip", "Chip Authentication"),
    "portrait": ("Ảnh chân dung", "Portrait"),
    "remote": ("Cơ quan xác minh từ xa", "Remote verifier"),
}
FIELDS: Final[Mapping[str, Words]] = {
    "name": ("Họ và tên", "Name"),
    "birth_date": ("Ngày sinh", "Date of birth"),
    "sex": ("Giới tính", "Sex"),
    "nationality": ("Quốc tịch", "Nationality"),
    "personal_number": ("Số định danh (phần đầu)", "Personal number (beginning)"),
    "document_number": ("Số thẻ (phần đầu)", "Document number (beginning)"),
}
NOT_PROVEN: Final = (
    "That the holder is present: nobody compared a face or asked for a secret here.",
    "That the holder agreed: the access number of the chip is printed on the card.",
    "That the card was at this reader: an answer of the chip can be relayed over a distance.",
    "That the card was not cancelled since: only the issuing authority knows.",
)
NOT_PROVEN_VI: Final = (
    "Người mang thẻ có mặt: ở đây chưa ai đối chiếu khuôn mặt hay hỏi mật khẩu.",
    "Người mang thẻ đã đồng ý: mã truy cập chip in ngay trên thẻ.",
    "Thẻ ở ngay đầu đọc này: câu trả lời của chip có thể bị chuyển tiếp từ xa.",
    "Thẻ chưa bị thu hồi từ đó đến nay: chỉ cơ quan cấp mới biết.",
)
