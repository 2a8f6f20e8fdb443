"""Evidence: one canonical form, strict on the way in, nothing shown."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from eid.chip.evidence import (
    MAX_BYTES,
    UNKNOWN_ACCESS,
    Access,
    ActiveAuthentication,
    ChipAuthentication,
    Evidence,
    from_folder,
)
from eid.chip.evidence.document import canonical, load
from eid.chip.transport import ReaderInfo
from eid.errors import FormatError

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def evidence(**changes: object) -> Evidence:
    values: dict[str, object] = {
        "files": {"EF.SOD": b"\x77\x00", "EF.DG1": b"\x61\x01N", "EF.DG15": b"\x6f\x00"},
        "access": Access(
            protocol="PACE",
            mapping="GM",
            password="can",
            oid="0.4.0.127.0.7.2.2.4.2.2",
            parameter_id=13,
        ),
        "active_authentication": ActiveAuthentication(
            challenge=bytes(range(8)), response=b"\xfb\xff", source="verifier"
        ),
        "reader": ReaderInfo(name="Đầu đọc 00 00", atr=bytes.fromhex("3B80800101")),
        "read_at": AT,
    }
    return Evidence(**(values | changes))


def document(**changes: object) -> dict[str, object]:
    return json.loads(evidence().to_json()) | changes


def refused(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(FormatError) as caught:
        Evidence.from_json(raw)
    return caught.value.code


class TestForm:
    def test_golden(self) -> None:
        assert evidence().to_json().decode() == (
            '{"access":{"fallback":null,"mapping":"GM","oid":"0.4.0.127.0.7.2.2.4.2.2",'
            '"parameter_id":13,"password":"can","protocol":"PACE"},"active_authentication":'
            '{"challenge":"AAECAwQFBgc","response":"-_8","source":"verifier"},'
            '"chip_authentication":null,"files":{"EF.DG1":"YQFO","EF.DG15":"bwA","EF.SOD":"dwA"},'
            '"read_at":"2026-11-20T09:30:00Z","reader":{"atr":"O4CAAQE","name":"Đầu đọc 00 00"},'
            '"version":1}'
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"active_authentication": None, "reader": None},
            {"chip_authentication": ChipAuthentication(by="terminal", transcript=b"t")},
            {"access": UNKNOWN_ACCESS},
            {"access": Access(protocol="PACE", fallback="builtin_card_access")},
            {"files": {}},
            {"read_at": AT.replace(microsecond=5)},
        ],
        ids=range(7),
    )
    def test_both_ways(self, changes: dict[str, object]) -> None:
        one = evidence(**changes)
        again = Evidence.from_json(one.to_json())
        assert again == one
        assert again.digest() == one.digest() == hashlib.sha256(one.to_json()).digest()

    def test_spacing_and_order_do_not_change_the_digest(self) -> None:
        loose = json.dumps(dict(reversed(document().items())), indent=2).encode()
        assert Evidence.from_json(loose).digest() == evidence().digest()

    def test_time_zones_are_one_moment(self) -> None:
        elsewhere = AT.astimezone(timezone(timedelta(hours=7)))
        assert evidence(read_at=elsewhere).to_json() == evidence().to_json()

    def test_values_are_checked(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            evidence(read_at=AT.replace(tzinfo=None))
        with pytest.raises(ValueError, match="files"):
            evidence(files={"EF.X": b""})

    def test_files_cannot_be_changed(self) -> None:
        files = {"EF.SOD": b"a"}
        one = evidence(files=files)
        files["EF.DG1"] = b"b"
        assert dict(one.files) == {"EF.SOD": b"a"}
        with pytest.raises(TypeError):
            one.files["EF.SOD"] = b"b"

    def test_repr_shows_no_contents(self) -> None:
        one = evidence(files={"EF.DG1": b"NGUYEN"})
        shown = repr(one) + repr(one.active_authentication)
        assert "NGUYEN" not in shown
        assert "AAECAw" not in shown
        assert "\\x03" not in shown


class TestStrictness:
    def test_unknown_missing_and_repeated_members(self) -> None:
        assert refused(document(extra=1)) == "evidence.members"
        missing = document()
        del missing["reader"]
        assert refused(missing) == "evidence.members"
        raw = evidence().to_json().replace(b'"version":1', b'"version":1,"version":1')
        assert refused(raw) == "evidence.members"
        for name in ("access", "active_authentication", "reader"):
            nested = document()
            nested[name] = nested[name] | {"extra": None}
            assert refused(nested) == "evidence.members"
        nested = document()
        nested["files"] = nested["files"] | {"EF.X": ""}
        assert refused(nested) == "evidence.members"
        assert refused(document(chip_authentication={})) == "evidence.members"

    @pytest.mark.parametrize("version", [0, 2, "1", None, True, [1]])
    def test_version(self, version: object) -> None:
        assert refused(document(version=version)) == "evidence.version"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"[]" * 2,
            b"\xff\xfe{}",
            b"\xef\xbb\xbf{}",
            b"[" * 100_000,
            b'"\xed\xa0\x80"',
            b'"\\ud800"',
            b"NULL",
        ],
        ids=range(9),
    )
    def test_not_json(self, data: bytes) -> None:
        assert refused(data) == "evidence.json"

    @pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"x"', b"{}"])
    def test_not_an_object(self, data: bytes) -> None:
        assert refused(data) == "evidence.members"

    @pytest.mark.parametrize("number", ["1.0", "1e0", "NaN", "Infinity", "-Infinity", "9" * 5000])
    def test_numbers(self, number: str) -> None:
        raw = evidence().to_json().replace(b'"version":1', b'"version":' + number.encode())
        assert refused(raw) == "evidence.form"

    def test_size(self) -> None:
        assert refused(b" " * (MAX_BYTES + 1)) == "evidence.size"
        exact = evidence().to_json()
        assert Evidence.from_json(exact + b" " * (MAX_BYTES - len(exact))) == evidence()
        big = evidence(files={"EF.DG2": bytes(MAX_BYTES)})
        with pytest.raises(FormatError) as caught:
            big.to_json()
        assert caught.value.code == "evidence.size"
        assert len(big.digest()) == 32

    @pytest.mark.parametrize(
        "text",
        ["AA==", "A", "AB", "AA+/", "A A", "A\n", "\u0410\u0410", 1, None, ["AA"], "A" * 300_000],
        ids=range(11),
    )
    def test_base64url(self, text: object) -> None:
        assert refused(document(files={"EF.SOD": text})) in ("evidence.base64", "evidence.size")

    @pytest.mark.parametrize(
        ("name", "changes"),
        [
            ("access", {"protocol": "PACE2"}),
            ("access", {"protocol": None}),
            ("access", {"password": "face"}),
            ("access", {"password": 1}),
            ("access", {"mapping": "x" * 65}),
            ("access", {"oid": "a\u202eb"}),
            ("access", {"fallback": "a\nb"}),
            ("access", {"parameter_id": "13"}),
            ("access", {"parameter_id": -1}),
            ("access", {"parameter_id": True}),
            ("access", {"parameter_id": 1 << 20}),
            ("active_authentication", {"source": "me"}),
            ("active_authentication", {"source": []}),
            ("active_authentication", {"challenge": "A" * 200}),
            ("active_authentication", {"response": "A" * 20_000}),
            ("reader", {"name": "x" * 129}),
            ("reader", {"name": "a\x1b[0m"}),
            ("reader", {"name": None}),
            ("reader", {"atr": "A" * 100}),
        ],
        ids=range(19),
    )
    def test_values(self, name: str, changes: dict[str, object]) -> None:
        changed = document()
        changed[name] = changed[name] | changes
        assert refused(changed).startswith("evidence.")

    @pytest.mark.parametrize(
        "time",
        [
            "2026-11-20T09:30:00",
            "2026-11-20 09:30:00Z",
            "2026-11-20T09:30:00+00:00",
            "2026-13-20T09:30:00Z",
            "2026-11-20T25:30:00Z",
            "2026-11-20T09:30:00.1Z",
            "",
            None,
            5,
        ],
        ids=range(9),
    )
    def test_time(self, time: object) -> None:
        assert refused(document(read_at=time)) in ("evidence.time", "evidence.form")

    @pytest.mark.parametrize(
        "name", ["files", "access", "reader", "active_authentication", "chip_authentication"]
    )
    @pytest.mark.parametrize("value", [[], "x", 1, True])
    def test_kinds(self, name: str, value: object) -> None:
        assert refused(document(**{name: value})) == "evidence.members"

    def test_absent_files(self) -> None:
        assert refused(document(files=None)) == "evidence.members"
        assert refused(document(access=None)) == "evidence.members"


class TestPrivacy:
    def test_commitment(self) -> None:
        one = evidence()
        first, second = one.commitment(bytes(16)), one.commitment(bytes(17))
        assert len({first, second, one.digest()}) == 3
        assert one.commitment(bytes(16)) == first
        assert evidence(files={}).commitment(bytes(16)) != first
        with pytest.raises(ValueError, match="salt"):
            one.commitment(bytes(15))

    def test_redaction(self) -> None:
        files = dict.fromkeys(("EF.CardAccess", "EF.COM", "EF.SOD"), b"x")
        files |= {f"EF.DG{n}": b"x" for n in (1, 2, 13, 14, 15)}
        one = evidence(files=files)
        less = one.redact(keep=["EF.DG1"])
        assert set(one.files) - set(less.files) == {"EF.DG2", "EF.DG13"}
        assert set(one.files) - set(one.redact(keep=()).files) == {"EF.DG1", "EF.DG2", "EF.DG13"}
        assert less.active_authentication == one.active_authentication
        with pytest.raises(ValueError, match="keep"):
            one.redact(keep=["DG1"])


class TestFolder:
    def write(self, folder: Path, **files: bytes) -> None:
        for name, data in files.items():
            (folder / name.replace("__", ".")).write_bytes(data)

    def test_both_names(self, tmp_path: Path) -> None:
        self.write(
            tmp_path, EF__SOD=b"s", ef_dg1__bin=b"1", ef_cardaccess__bin=b"c", note__txt=b""
        )
        (tmp_path / "EF.DG2").mkdir()
        one = from_folder(tmp_path)
        assert dict(one.files) == {"EF.SOD": b"s", "EF.DG1": b"1", "EF.CardAccess": b"c"}
        assert one.access == UNKNOWN_ACCESS
        assert one.active_authentication is None
        assert one.read_at.tzinfo is UTC

    def test_answer_of_the_chip(self, tmp_path: Path) -> None:
        self.write(tmp_path, EF__SOD=b"s")
        proof = tmp_path / "active_authentication.json"
        proof.write_text('{"challenge": "0001020304050607", "response": ""}')
        assert from_folder(tmp_path).active_authentication == ActiveAuthentication(
            challenge=bytes(range(8)), response=b"", source="caller_chosen"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            '{"challenge": "00"}',
            '{"challenge": "0", "response": ""}',
            '{"challenge": 1, "response": ""}',
            '{"challenge": "' + "00" * 65 + '", "response": ""}',
            '{"challenge": "", "response": "", "source": "verifier"}',
            " " * 20_000,
        ],
        ids=range(8),
    )
    def test_bad_answer(self, tmp_path: Path, text: str) -> None:
        self.write(tmp_path, EF__SOD=b"s")
        (tmp_path / "active_authentication.json").write_text(text)
        with pytest.raises(FormatError):
            from_folder(tmp_path)

    def test_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "missing"):
            with pytest.raises(FormatError) as caught:
                from_folder(path)
            assert caught.value.code == "evidence.folder"
        self.write(tmp_path, EF__SOD=b"s", ef_sod__bin=b"t")
        with pytest.raises(FormatError, match="two names"):
            from_folder(tmp_path)

    def test_too_big(self, tmp_path: Path) -> None:
        self.write(tmp_path, EF__SOD=bytes((1 << 20) + 1))
        with pytest.raises(FormatError) as caught:
            from_folder(tmp_path)
        assert caught.value.code == "evidence.size"

    def test_unreadable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(tmp_path, EF__SOD=b"s")

        def fail(*_: object, **__: object) -> object:
            raise PermissionError

        monkeypatch.setattr(Path, "open", fail)
        with pytest.raises(FormatError) as caught:
            from_folder(tmp_path)
        assert caught.value.code == "evidence.folder"


def test_canonical_escapes() -> None:
    """RFC 8785 §3.2.2.2: only what must be escaped is."""
    assert canonical('\x00\x1f"\\/\n\u20ac\u2028\x7f') == (
        '"\\u0000\\u001f\\"\\\\/\\n\u20ac\u2028\x7f"'.encode()
    )
    assert canonical({"b": [1, True, None], "a": {}}) == b'{"a":{},"b":[1,true,null]}'


def test_load_is_bounded_before_parsing() -> None:
    with pytest.raises(FormatError) as caught:
        load(b"\xff" * 11, max_bytes=10)
    assert caught.value.code == "evidence.size"
