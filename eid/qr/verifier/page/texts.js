/** All words of the page, Vietnamese and English. Codes are those of docs/reference/qr-claims.md. */

export const LANGUAGES = ["vi", "en"];

const TEXTS = {
  "title": ["Kiểm tra mã QR", "QR verifier"],
  "language": ["English", "Tiếng Việt"],
  "scan": ["Quét mã bằng máy ảnh", "Scan with the camera"],
  "file": ["Chọn ảnh có mã", "Choose a picture of a code"],
  "ask": ["Hỏi mã có mặt", "Ask for a presence code"],
  "ask_holder": ["Hỏi mã có mặt của người này", "Ask this person for a presence code"],
  "stop": ["Dừng", "Stop"],
  "other_camera": ["Máy ảnh khác", "Other camera"],
  "scan_answer": ["Quét mã trả lời", "Scan the answer"],
  "next": ["Xong, mã tiếp theo", "Done, next code"],
  "refresh": ["Cập nhật danh sách", "Update the lists"],
  "camera": ["Máy ảnh", "Camera"],
  "camera_hint": ["Đưa mã vào giữa khung hình.", "Hold the code in the middle of the picture."],
  "camera_starting": ["Đang mở máy ảnh…", "Starting the camera…"],
  "camera_refused": [
    "Không dùng được máy ảnh. Hãy cho phép dùng máy ảnh, hoặc chọn ảnh có mã.",
    "The camera cannot be used. Allow it, or choose a picture of the code.",
  ],
  "file_unreadable": ["Tệp này không phải là ảnh, hoặc quá lớn.", "This file is no picture, or too large."],
  "file_no_code": ["Không tìm thấy mã QR trong ảnh.", "There is no QR code in this picture."],
  "file_reading": ["Đang tìm mã trong ảnh…", "Looking for a code in the picture…"],
  "decoder_failed": ["Bộ đọc mã không tải được. Hãy tải lại trang.", "The decoder did not load. Reload the page."],
  "question": ["Câu hỏi có mặt", "Presence question"],
  "question_hint": [
    "Người dân quét mã này bằng ứng dụng của mình, rồi đưa mã trả lời. Mã trả lời chỉ dùng được một lần, trong một phút.",
    "The person scans this code with their app and shows the answer. The answer works once, within a minute.",
  ],
  "question_for": ["Bên hỏi", "Asked by"],
  "question_place": ["Nơi hỏi", "Place"],
  "question_purpose": ["Mục đích", "Purpose"],
  "question_picture": ["Mã QR của câu hỏi", "QR code of the question"],
  "green": ["HỢP LỆ", "VALID"],
  "amber": ["HỢP LỆ, CẦN LƯU Ý", "VALID, WITH CARE"],
  "red": ["KHÔNG CHẤP NHẬN", "NOT ACCEPTED"],
  "reason": ["Mã lý do", "Reason code"],
  "checked_at": ["Kiểm tra lúc", "Checked at"],
  "issuer": ["Bên cấp", "Issuer"],
  "issued_at": ["Cấp lúc", "Issued at"],
  "expires_at": ["Hết hạn", "Valid until"],
  "subject": ["Mã người giữ", "Holder's identifier"],
  "status": ["Tình trạng thu hồi", "Withdrawal"],
  "status_fresh": ["chưa bị thu hồi, theo danh sách lúc", "not withdrawn, by the list of"],
  "status_stale": ["chưa bị thu hồi theo danh sách CŨ lúc", "not withdrawn by an OLD list of"],
  "status_none": ["bên cấp không có danh sách thu hồi cho mã này", "the issuer keeps no withdrawal list for this code"],
  "trust": ["Danh sách tin cậy", "Trust list"],
  "trust_stale": ["đã quá hạn, được tạm chấp nhận", "past its time, accepted for now"],
  "portrait": ["Ảnh chân dung trong mã", "Portrait in the code"],
  "portrait_unshown": ["Trình duyệt không hiện được ảnh này", "This browser cannot show the portrait"],
  "findings": ["Điểm khác thường", "Oddities"],
  "unknown": ["Trường không hiểu", "Fields not understood"],
  "chip": ["Chip", "Chip"],
  "chip_yes": ["bên cấp đã kiểm tra chip trong giao dịch này", "the issuer verified the chip in this transaction"],
  "chip_no": ["không kèm kiểm tra chip", "without a chip check"],
  "bearer": [
    "Đây là lời xác nhận của bên cấp, không phải giấy tờ của nhà nước. Người đưa mã chỉ là người cầm mã: hãy so ảnh với người, xem thẻ, hoặc hỏi mã có mặt.",
    "This is its issuer's statement, not a state document. Whoever shows it only holds it: compare the portrait, look at the card, or ask for a presence code.",
  ],
  "present": [
    "Ứng dụng giữ mã người giữ này vừa trả lời câu hỏi của quý vị. Mã không cho biết ai đang cầm máy.",
    "The app that holds this identifier answered your question just now. The code does not say whose hand holds the phone.",
  ],
  "present_holder": [
    "Ứng dụng của người trong mã vừa kiểm tra trước đó đã trả lời.",
    "The app of the person in the code checked before has answered.",
  ],
  "knowledge": ["Dữ liệu trên máy này", "What this device knows"],
  "knowledge_none": ["Chưa có thiết lập. Hãy mở trang khi có mạng.", "No settings yet. Open the page while connected."],
  "fetched_at": ["Cập nhật đủ lần cuối", "Last complete update"],
  "never": ["chưa lần nào", "never"],
  "version": ["số", "number"],
  "until": ["dùng đến", "good until"],
  "stale_for": ["Sau đó còn dùng thêm (giờ)", "Used beyond that for (hours)"],
  "status_list": ["Danh sách thu hồi", "Withdrawal list"],
  "pinned": ["Bên cấp được tin trực tiếp", "Issuers trusted directly"],
  "updated": ["Đã cập nhật.", "Updated."],
  "not_updated": ["Không cập nhật được; dùng dữ liệu đã lưu.", "Not updated; kept data is used."],
  "offline_ready": ["Trang dùng được khi không có mạng.", "The page works without a network."],
  "limits": ["Mã QR không chứng minh điều gì", "What a QR code does not prove"],
  "limits_1": [
    "Mã in trên thẻ không có chữ ký: không chứng minh gì cả.",
    "The code printed on the card is unsigned: it proves nothing.",
  ],
  "limits_2": [
    "Mã hợp lệ không cho biết ai đang cầm nó: ảnh chụp màn hình cũng hợp lệ như bản gốc.",
    "A valid code does not say who holds it: a screenshot is as valid as the original.",
  ],
  "limits_3": [
    "Mã có mặt không ngăn được việc chuyển tiếp trực tiếp từ nơi khác.",
    "A presence code does not stop somebody who relays it live from elsewhere.",
  ],
  "limits_4": [
    "Mã là lời của bên cấp rằng họ đã đọc chip thật; không thay thế thẻ và không phải giấy tờ của nhà nước.",
    "A code is its issuer's word that it read a genuine chip; it replaces no card and is no state document.",
  ],
  "limits_5": [
    "Không có mạng, máy này chỉ biết việc thu hồi cho đến lần cập nhật cuối.",
    "Without a network this device knows of withdrawals only up to its last update.",
  ],
  "about": [
    "Trang này không gửi dữ liệu đi đâu. Bộ đọc mã: zxing-cpp (Apache-2.0), zxing-wasm (MIT).",
    "This page sends nothing anywhere. Decoder: zxing-cpp (Apache-2.0), zxing-wasm (MIT).",
  ],
};

const FIELDS = {
  number: ["Số định danh", "Number"],
  name: ["Họ và tên", "Name"],
  first_name: ["Tên", "First name"],
  middle_name: ["Tên đệm", "Middle name"],
  last_name: ["Họ", "Last name"],
  second_name: ["Tên không dấu", "Name in the second language"],
  birth_date: ["Ngày sinh", "Date of birth"],
  sex: ["Giới tính", "Sex"],
  residence: ["Nơi cư trú", "Residence"],
  origin: ["Quê quán", "Place of origin"],
  nationality: ["Quốc tịch", "Nationality"],
  insurance_number: ["Số thẻ bảo hiểm", "Insurance number"],
  age_over: ["Từ đủ tuổi", "At least this old"],
  issue_date: ["Ngày cấp thẻ", "Card issued on"],
  old_number: ["Số cũ", "Old number"],
  guardian: ["Người giám hộ", "Guardian"],
  email: ["Thư điện tử", "E-mail"],
  phone: ["Điện thoại", "Phone"],
  ethnicity: ["Dân tộc", "Ethnicity"],
  religion: ["Tôn giáo", "Religion"],
  level: ["Mức định danh", "Identity level"],
  issuing_country: ["Nước cấp thẻ", "Issuing country"],
};

const SEXES = { M: ["Nam", "Male"], F: ["Nữ", "Female"], X: ["Khác", "Other"] };

const DAMAGED = ["Mã hỏng hoặc không đúng chuẩn.", "The code is damaged or not to the standard."];
const NOT_SIGNED_RIGHT = ["Phần đầu chữ ký không đúng chuẩn.", "The head of the signature is not to the standard."];
const FORGED = ["Chữ ký sai: mã bị sửa hoặc giả.", "The signature is wrong: changed or forged."];
const STRANGER = ["Bên cấp không nằm trong danh sách tin cậy.", "The issuer is not on the trust list."];
const LIST = ["Danh sách không đúng chuẩn; không được dùng.", "The list is not to the standard; it is not used."];

const CODES = {
  "page.accepted": [
    "Chữ ký, bên cấp và thời hạn đều đúng.",
    "Signature, issuer and time are right.",
  ],
  "page.accepted_stale": [
    "Chữ ký đúng, nhưng dữ liệu trên máy này đã cũ. Hãy kết nối mạng khi có thể.",
    "The signature is right, but what this device knows is old. Connect when you can.",
  ],
  "page.printed_card": [
    "Đây là mã in trên thẻ: không có chữ ký, không chứng minh gì. Hãy đọc chip.",
    "This is the code printed on a card: unsigned, it proves nothing. Read the chip.",
  ],
  "page.other_format": ["Loại mã này trang không kiểm tra.", "This page does not check this kind of code."],
  "page.not_ours": ["Đây không phải mã có chữ ký mà trang này biết.", "This is no signed code that the page knows."],
  "page.not_asked": [
    "Mã có mặt, nhưng quý vị chưa hỏi. Hãy bấm “Hỏi mã có mặt” trước.",
    "A presence code, but you have not asked. Choose “Ask for a presence code” first.",
  ],
  "page.no_memory": [
    "Máy này không lưu được mã đã dùng, nên không thể nhận mã có mặt.",
    "This device cannot remember used codes, so presence codes cannot be accepted.",
  ],
  "page.other_holder": [
    "Mã có mặt là của người khác với mã đã kiểm tra trước.",
    "The presence code belongs to another person than the code checked before.",
  ],
  "page.no_settings": ["Máy này chưa có thiết lập. Hãy mở trang khi có mạng.", "This device has no settings yet. Open the page while connected."],
  "page.no_trust": ["Máy này chưa có danh sách tin cậy. Hãy cập nhật khi có mạng.", "This device has no trust list yet. Update while connected."],
  "page.failed": ["Không kiểm tra được.", "The check could not be done."],
  "page.unreachable": ["Không tải được danh sách.", "A list could not be fetched."],
  "page.settings": ["Thiết lập của trang không đọc được.", "The settings of the page cannot be read."],
  "page.too_large": LIST,
  "page.status_older": ["Danh sách thu hồi tải về cũ hơn bản đang có.", "The withdrawal list fetched is older than the one held."],
  "browser.ed25519": [
    "Trình duyệt này quá cũ để kiểm tra chữ ký Ed25519. Hãy cập nhật trình duyệt.",
    "This browser is too old to check Ed25519 signatures. Update it.",
  ],
  "qr.base45": DAMAGED,
  "qr.zlib": DAMAGED,
  "qr.cbor": DAMAGED,
  "qr.cose": DAMAGED,
  "qr.cose.alg": NOT_SIGNED_RIGHT,
  "qr.cose.crit": NOT_SIGNED_RIGHT,
  "qr.cose.headers": NOT_SIGNED_RIGHT,
  "qr.cwt": DAMAGED,
  "qr.claim169": ["Mã có chữ ký nhưng không mang thông tin người.", "The code is signed but carries no identity."],
  "qr.status": DAMAGED,
  "qr.text": ["Mã chứa ký tự ẩn hoặc chữ quá dài.", "The code holds hidden characters or over-long text."],
  "qr.kid_unknown": STRANGER,
  "qr.issuer_unknown": STRANGER,
  "qr.alg": FORGED,
  "qr.signature": FORGED,
  "qr.issuer_of_key": ["Mã ghi tên một bên cấp khác với chủ của khóa.", "The code names another issuer than the owner of its key."],
  "qr.times": ["Các mốc thời gian trong mã mâu thuẫn.", "The times in the code contradict each other."],
  "qr.expired": ["Mã đã hết hạn.", "The code has expired."],
  "qr.too_old": ["Mã cũ hơn mức cho phép ở đây.", "The code is older than is allowed here."],
  "qr.no_expiry": ["Mã không ghi thời hạn.", "The code says no end of its validity."],
  "qr.issued_in_future": [
    "Mã được cấp ở tương lai. Hãy xem đồng hồ của máy.",
    "The code was issued in the future. Check the clock of this device.",
  ],
  "qr.not_yet_valid": ["Mã chưa đến thời điểm có hiệu lực.", "The code is not valid yet."],
  "qr.status_missing": ["Không biết được mã đã bị thu hồi hay chưa.", "Nobody can say whether this code was withdrawn."],
  "qr.revoked": ["Bên cấp đã thu hồi mã này.", "The issuer has withdrawn this code."],
  "qr.suspended": ["Bên cấp đã tạm dừng mã này.", "The issuer has suspended this code."],
  "qr.key_denied": ["Khóa ký mã này đã bị lạm dụng vào lúc đó.", "The key that signed this was misused at that time."],
  "qr.status_unavailable": ["Máy này không có danh sách thu hồi của mã này.", "This device lacks the withdrawal list of this code."],
  "qr.status_index": ["Danh sách thu hồi không có mục của mã này.", "The withdrawal list has no entry for this code."],
  "qr.status_unknown": ["Tình trạng của mã không hiểu được.", "The status of this code is not understood."],
  "qr.status_issuer": ["Danh sách thu hồi là của bên cấp khác.", "The withdrawal list is of another issuer."],
  "qr.status_uri": ["Danh sách thu hồi nói về địa chỉ khác.", "The withdrawal list speaks of another address."],
  "qr.status_stale": ["Danh sách thu hồi quá cũ cho việc này. Hãy cập nhật.", "The withdrawal list is too old for this use. Update it."],
  "qr.trust_list_stale": ["Danh sách tin cậy quá cũ cho việc này. Hãy cập nhật.", "The trust list is too old for this use. Update it."],
  "qr.status_list": LIST,
  "qr.trust_list": LIST,
  "qr.trust_list_older": ["Danh sách tin cậy tải về cũ hơn bản đang có.", "The trust list fetched is older than the one held."],
  "qr.presence": ["Đây không phải mã có mặt.", "This is no presence code."],
  "qr.audience": ["Mã có mặt này dành cho nơi khác.", "This presence code was made for somebody else."],
  "qr.challenge": ["Mã này trả lời một câu hỏi khác. Hãy hỏi lại.", "This code answers another question. Ask again."],
  "qr.replayed": ["Mã này đã được dùng.", "This code was used before."],
  "qr.lifetime": ["Mã có mặt sống lâu hơn một phút.", "The presence code lives longer than a minute."],
};

const pick = (pair, language) => pair?.[LANGUAGES.indexOf(language)];

export const words = (key, language) => pick(TEXTS[key], language) ?? key;
export const reason = (code, language) => pick(CODES[code], language) ?? code;
export const fieldName = (name, language) => pick(FIELDS[name], language) ?? name;
export const sexName = (sex, language) => pick(SEXES[sex], language) ?? sex;
export const CODES_WITH_TEXT = Object.keys(CODES);
export const FIELD_ORDER = Object.keys(FIELDS);
