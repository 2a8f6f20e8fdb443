"""PACE against published runs, over every curve and cipher, with forced leading zeros."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eid import ec, tlv
from eid.chip import pace
from eid.chip.access import Can, MrzKey, Pin, Puk
from eid.chip.apdu import Command, Exchange, Response
from eid.chip.crypto import (
    KDF_ENC,
    KDF_MAC,
    KDF_PASSWORD,
    Suite,
    decrypt,
    encrypt,
    kdf,
)
from eid.chip.lds.security_infos import PaceInfo, SecurityInfos, parse_security_infos
from eid.errors import AccessDenied, EidError, ProtocolError, StatusError

VECTORS = Path(__file__).parents[1] / "vectors" / "emrtd"
G1 = json.loads((VECTORS / "icao-9303-11-examples.json").read_text())["G1_pace_ecdh_gm"]
TR_RUNS = json.loads((VECTORS / "tr-03110-eac-examples.json").read_text())
TR, DH = TR_RUNS["ecdh"], TR_RUNS["dh"]
OIDS = {
    p.suite: oid for oid, p in pace.PROTOCOLS.items() if (p.family, p.mapping) == ("ECDH", "GM")
}
BP256 = ec.by_name("brainpoolP256r1")
CAN = Can("123456")


def info(
    oid: str = OIDS[Suite.AES_128], parameter_id: int | None = 13, version: int = 2
) -> PaceInfo:
    return PaceInfo(oid=oid, version=version, parameter_id=parameter_id, raw=b"")


def infos(*offers: PaceInfo) -> SecurityInfos:
    return SecurityInfos(
        items=(),
        pace=offers,
        chip_authentication=(),
        ca_public_keys=(),
        active_authentication=(),
        terminal_authentication=(),
        unknown=(),
    )


def recorded(script: list[tuple[str, str]]) -> Exchange:
    """A chip that knows one run by heart and accepts no other command."""
    steps = iter(script)

    def exchange(command: Command) -> Response:
        expected, answer = next(steps)
        assert command.encode().hex().upper() == expected.upper()
        return Response.parse(bytes.fromhex(answer))

    return exchange


def drawn(*values: str) -> Callable[[int], bytes]:
    queue = [bytes.fromhex(value) for value in values]
    return lambda size: queue.pop(0).rjust(size, b"\x00")[-size:]


class TestPublishedRuns:
    def test_icao_g1(self) -> None:
        script = [("0022C1A412800A04007F0007020204020283010184010D", "9000")]
        script += [(a["command"], a["response"]) for a in G1["general_authenticate_apdus"]]
        key = MrzKey(
            document_number=G1["document_number"],
            birth=G1["date_of_birth"],
            expiry=G1["date_of_expiry"],
        )
        found = pace.choose_pace(parse_security_infos(bytes.fromhex(G1["ef_card_access"])))
        rng = drawn(G1["map_terminal_private"], G1["terminal_private"])
        session = pace.establish(recorded(script), found, key, rng=rng)
        assert bytes(session._ks_enc).hex().upper() == G1["ks_enc"]
        assert bytes(session._ks_mac).hex().upper() == G1["ks_mac"]
        assert (session.suite, session._ssc) == (Suite.AES_128, 0)

    def test_tr_03110(self) -> None:
        """The published run uses a PIN; its bytes are those of a CAN of the same digits."""

        def frame(tag: str, value: str) -> str:
            return tlv.encode(0x7C, tlv.encode(int(tag, 16), bytes.fromhex(value))).hex()

        def command(cla: str, data: str) -> str:
            return f"{cla}860000{len(data) // 2:02X}{data}00"

        script = [
            ("0022C1A412800A04007F0007020204020283010284010D", "9000"),
            ("10860000027C0000", frame("80", TR["nonce_enc"]) + "9000"),
            (
                command("10", frame("81", TR["map_pcd_pub_key"])),
                frame("82", TR["map_picc_pub_key"]) + "9000",
            ),
            (
                command("10", frame("83", TR["pcd_pub_key"])),
                frame("84", TR["picc_pub_key"]) + "9000",
            ),
            (
                command("00", frame("85", TR["authentication_token_pcd"])),
                frame("86", TR["authentication_token_picc"]) + "9000",
            ),
        ]
        rng = drawn(TR["map_pcd_priv_key"], TR["pcd_priv_key"])
        session = pace.establish(recorded(script), info(), Can(TR["password"]), rng=rng)
        assert bytes(session._ks_enc).hex() == TR["k_enc"]
        assert bytes(session._ks_mac).hex() == TR["k_mac"]

    def test_tokens(self) -> None:
        ks_mac = bytes.fromhex(G1["ks_mac"])
        oid = OIDS[Suite.AES_128]
        ours = pace.token(Suite.AES_128, ks_mac, oid, bytes.fromhex("04" + G1["chip_public"]))
        assert ours.hex().upper() == G1["token_terminal"]


@dataclass
class ScriptedChip:
    """An honest chip; the points it sends can be forced, and any answer can be replaced."""

    curve: ec.Curve = BP256
    suite: Suite = Suite.AES_128
    can: str = "123456"
    nonce: bytes = bytes(range(16))
    terminal_map: int = 0
    terminal_private: int = 0
    wanted_h: ec.Point | None = None
    wanted_generator: ec.Point | None = None
    wanted_secret: ec.Point | None = None
    replace: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    def __call__(self, command: Command) -> Response:
        self.commands.append(command)
        step = len(self.commands) - 1
        answer = self._honest(step, command)
        return Response.parse(self.replace.get(step, lambda raw: raw)(answer))

    def _honest(self, step: int, command: Command) -> bytes:
        if step == 0:
            return b"\x90\x00"
        outer = tlv.parse(command.data)
        value = tlv.parse(outer.value).value if outer.value else b""
        tag, data = (
            (0x80, self._encrypted_nonce)
            if step == 1
            else (0x82, self._map(value))
            if step == 2
            else (0x84, self._agree(value))
            if step == 3
            else (0x86, self._token(value))
        )
        return tlv.encode(0x7C, tlv.encode(tag, data)) + b"\x90\x00"

    @property
    def _encrypted_nonce(self) -> bytes:
        key = kdf(self.can.encode(), KDF_PASSWORD, self.suite)
        return encrypt(self.suite, key, self.nonce)

    def _times(self, scalar: int, point: ec.Point) -> ec.Point:
        return ec.multiply(self.curve, scalar, point)

    def _inverse(self, scalar: int) -> int:
        return pow(scalar, -1, self.curve.n)

    def _map(self, theirs: bytes) -> bytes:
        s = int.from_bytes(self.nonce, "big")
        base = self._times(s, self.curve.generator)
        if self.wanted_generator is not None:
            minus = (base[0], self.curve.p - base[1])
            self.wanted_h = ec.add(self.curve, self.wanted_generator, minus)
        if self.wanted_h is not None:
            public = self._times(self._inverse(self.terminal_map), self.wanted_h)
            shared = self.wanted_h
        else:
            private = 0x1234567
            public = ec.public_point(self.curve, private)
            shared = self._times(private, ec.decode_point(self.curve, theirs))
        self.generator = ec.add(self.curve, base, shared)
        return ec.encode_point(self.curve, public)

    def _agree(self, theirs: bytes) -> bytes:
        self.theirs = theirs
        if self.wanted_secret is not None:
            public = self._times(self._inverse(self.terminal_private), self.wanted_secret)
            secret = self.wanted_secret[0].to_bytes(self.curve.size, "big")
        else:
            private = 0x7654321
            public = self._times(private, self.generator)
            secret = ec.ecdh(self.curve, private, ec.decode_point(self.curve, theirs))
        self.ours = ec.encode_point(self.curve, public)
        self.ks_enc = kdf(secret, KDF_ENC, self.suite)
        self.ks_mac = kdf(secret, KDF_MAC, self.suite)
        return self.ours

    def _token(self, theirs: bytes) -> bytes:
        oid = OIDS[self.suite]
        assert theirs == pace.token(self.suite, self.ks_mac, oid, self.ours)
        return pace.token(self.suite, self.ks_mac, oid, self.theirs)


def small_x(curve: ec.Curve, zeros: int) -> ec.Point:
    """A point whose x has exactly this many leading zero bytes."""
    x = 1 << 8 * (curve.size - zeros) - 1
    while True:
        x -= 1
        square = (x * x * x + curve.a * x + curve.b) % curve.p
        y = pow(square, (curve.p + 1) // 4, curve.p)
        if y * y % curve.p == square:
            return x, y


class TestEveryVariant:
    @pytest.mark.parametrize("suite", list(Suite))
    def test_ciphers(self, suite: Suite) -> None:
        chip = ScriptedChip(suite=suite)
        session = pace.establish(chip, info(OIDS[suite]), CAN)
        assert (bytes(session._ks_enc), bytes(session._ks_mac)) == (chip.ks_enc, chip.ks_mac)
        assert len(chip.commands) == 5

    @pytest.mark.parametrize("suite", [Suite.AES_192, Suite.AES_256])
    def test_nonce_of_a_whole_key(self, suite: Suite) -> None:
        chip = ScriptedChip(suite=suite, nonce=bytes(range(32)))
        assert pace.establish(chip, info(OIDS[suite]), CAN).is_open

    @pytest.mark.parametrize("number", range(8, 19))
    def test_curves(self, number: int) -> None:
        chip = ScriptedChip(curve=ec.by_parameter_id(number))
        session = pace.establish(chip, info(parameter_id=number), CAN)
        assert bytes(session._ks_enc) == chip.ks_enc
        assert all(len(command.encode()) <= 261 for command in chip.commands)

    def test_commands(self) -> None:
        chip = ScriptedChip()
        pace.establish(chip, info(), CAN)
        heads = [(c.cla, c.ins, c.p1, c.p2, c.le) for c in chip.commands]
        assert heads[0] == (0x00, 0x22, 0xC1, 0xA4, None)
        assert heads[1:] == [(0x10, 0x86, 0, 0, 256)] * 3 + [(0x00, 0x86, 0, 0, 256)]
        assert tlv.only(tlv.parse_all(chip.commands[0].data), 0x84).value == b"\x0d"

    def test_keys_are_fresh(self) -> None:
        chips = [ScriptedChip(), ScriptedChip()]
        for chip in chips:
            pace.establish(chip, info(), CAN)
        sent = {command.data for chip in chips for command in chip.commands[2:4]}
        assert len(sent) == 4


class TestLeadingZeros:
    """One peer takes secrets as numbers without their zeros: one session in 128 fails there."""

    SCALARS = (0xA5A5A5 << 200 | 7, 0x5A5A5A << 200 | 9)

    def run(self, chip: ScriptedChip) -> None:
        chip.terminal_map, chip.terminal_private = self.SCALARS
        rng = drawn(*(f"{scalar:064x}" for scalar in self.SCALARS))
        session = pace.establish(chip, info(), CAN, rng=rng)
        assert bytes(session._ks_enc) == chip.ks_enc

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_shared_secret(self, zeros: int) -> None:
        self.run(ScriptedChip(wanted_secret=small_x(BP256, zeros)))

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_mapping_secret(self, zeros: int) -> None:
        self.run(ScriptedChip(wanted_h=small_x(BP256, zeros)))

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_mapped_generator(self, zeros: int) -> None:
        self.run(ScriptedChip(wanted_generator=small_x(BP256, zeros)))

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_our_public_key(self, zeros: int) -> None:
        target = small_x(BP256, zeros)
        inverse = pow(self.SCALARS[1], -1, BP256.n)
        chip = ScriptedChip(wanted_generator=ec.multiply(BP256, inverse, target))
        self.run(chip)
        sent = tlv.parse(tlv.parse(chip.commands[3].data).value).value
        assert len(sent) == 65
        assert sent[1 : 1 + zeros] == bytes(zeros)

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_their_public_key(self, zeros: int) -> None:
        secret = ec.multiply(BP256, self.SCALARS[1], small_x(BP256, zeros))
        chip = ScriptedChip(wanted_secret=secret)
        self.run(chip)
        assert chip.ours[1 : 1 + zeros] == bytes(zeros)

    @pytest.mark.parametrize("zeros", [1, 2])
    def test_nonce(self, zeros: int) -> None:
        self.run(ScriptedChip(nonce=bytes(zeros) + b"\x01" * (16 - zeros)))


class TestChoice:
    def test_order(self) -> None:
        weak = info(OIDS[Suite.DES3], 18)
        middle = info(OIDS[Suite.AES_128], 13)
        large = info(OIDS[Suite.AES_128], 16)
        strong = info(OIDS[Suite.AES_256], 12)
        assert pace.choose_pace(infos(weak, middle)) is middle
        assert pace.choose_pace(infos(middle, large)) is large
        assert pace.choose_pace(infos(weak, large, strong, middle)) is strong

    def test_first_of_equals(self) -> None:
        first, second = info(parameter_id=13), info(parameter_id=12)
        assert pace.choose_pace(infos(first, second)) is first
        assert pace.choose_pace(infos(second, first)) is second

    def test_two_elements(self) -> None:
        """A PACEInfo without a number (Spain): what the others name, else brainpoolP256r1."""
        unnamed = info(OIDS[Suite.AES_256], None)
        alone = pace.choose_offer(infos(unnamed))
        assert (alone.assumed, alone.domain.name, alone.parameter_id) == (
            True,
            "brainpoolP256r1",
            13,
        )
        named = info(OIDS[Suite.AES_128], 16)
        offer = pace.offer_of(unnamed, infos(unnamed, named))
        assert offer is not None
        assert offer.parameter_id == 16
        assert pace.choose_pace(infos(unnamed, named)) is named
        assert pace.offer_of(unnamed, infos(unnamed, named, info(parameter_id=12))) is None
        group = info("0.4.0.127.0.7.2.2.4.1.2", None)
        assert pace.offer_of(group, infos(group, named)) is None
        first = info("0.4.0.127.0.7.2.2.4.1.4", 0)
        guessed = pace.offer_of(group, infos(group, first))
        assert guessed is not None
        assert guessed.parameter_id == 0

    def test_unknown_beside_usable(self) -> None:
        other = info("0.4.0.127.0.7.2.2.4.5.2")
        usable = info()
        assert pace.choose_pace(infos(other, usable)) is usable

    def test_none(self) -> None:
        with pytest.raises(AccessDenied) as caught:
            pace.choose_pace(infos())
        assert caught.value.code == "access.no_pace"

    @pytest.mark.parametrize(
        "offer",
        [
            info("0.4.0.127.0.7.2.2.4.5.2"),
            info("0.4.0.127.0.7.2.2.4.6.1"),
            info("0.4.0.127.0.7.2.2.4.4.2", 10),
            info("0.4.0.127.0.7.2.2.4.1.2", 13),
            info(OIDS[Suite.AES_128], 0),
            info(OIDS[Suite.AES_128], 19),
            info("0.4.0.127.0.7.2.2.4.1.2", None),
            info(version=1),
        ],
    )
    def test_unsupported(self, offer: PaceInfo) -> None:
        with pytest.raises(AccessDenied) as caught:
            pace.choose_pace(infos(offer))
        assert caught.value.code == "pace.unsupported"
        assert caught.value.facts["offered"] == (offer.oid,)
        sent: list[Command] = []
        with pytest.raises(AccessDenied):
            pace.establish(lambda c: sent.append(c) or Response(b"", 0x9000), offer, CAN)
        assert not sent


def answer(tag: int, value: bytes, *more: bytes, outer: int = 0x7C) -> bytes:
    return tlv.encode(outer, tlv.encode(tag, value), *more) + b"\x90\x00"


OFF_CURVE = b"\x04" + bytes(31) + b"\x01" + bytes(32)
GENERATOR = ec.encode_point(BP256, BP256.generator)
COMPRESSED = b"\x02" + GENERATOR[1:33]
STEP_TAGS = {1: 0x80, 2: 0x82, 3: 0x84, 4: 0x86}


def fails(chip: ScriptedChip, step: int, code: str) -> None:
    """The run ends at this step with this code, and nothing more is sent."""
    with pytest.raises(ProtocolError) as caught:
        pace.establish(chip, info(), CAN)
    assert caught.value.code == code
    assert len(chip.commands) == step + 1


class TestHostileChip:
    @pytest.mark.parametrize("size", [0, 8, 15, 17, 32, 64])
    def test_nonce_of_wrong_length(self, size: int) -> None:
        chip = ScriptedChip(replace={1: lambda _: answer(0x80, bytes(size))})
        fails(chip, 1, "pace.nonce")

    @pytest.mark.parametrize("step", [2, 3])
    @pytest.mark.parametrize(
        "point",
        [
            b"",
            b"\x00",
            OFF_CURVE,
            COMPRESSED,
            GENERATOR[:-1],
            GENERATOR + b"\x00",
            b"\x04" + bytes(64),
        ],
        ids=["empty", "infinity", "off", "compressed", "short", "long", "zero"],
    )
    def test_bad_point(self, step: int, point: bytes) -> None:
        chip = ScriptedChip(replace={step: lambda _: answer(STEP_TAGS[step], point)})
        fails(chip, step, "pace.point")

    @pytest.mark.parametrize("step", [2, 3])
    def test_our_own_key_sent_back(self, step: int) -> None:
        chip = ScriptedChip()

        def reflect(_: bytes) -> bytes:
            sent = tlv.parse(tlv.parse(chip.commands[step].data).value).value
            return answer(STEP_TAGS[step], sent)

        chip.replace[step] = reflect
        fails(chip, step, "pace.reflection")

    def test_our_own_token_sent_back(self) -> None:
        chip = ScriptedChip()

        def reflect(_: bytes) -> bytes:
            return answer(0x86, tlv.parse(tlv.parse(chip.commands[4].data).value).value)

        chip.replace[4] = reflect
        fails(chip, 4, "pace.token")

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t[:-1],
            lambda t: t + b"\x00",
            lambda t: b"",
            lambda t: bytes([t[0] ^ 1]) + t[1:],
        ],
        ids=["short", "long", "empty", "flipped"],
    )
    def test_wrong_token(self, change: Callable[[bytes], bytes]) -> None:
        def spoil(raw: bytes) -> bytes:
            return answer(0x86, change(tlv.parse(tlv.parse(raw[:-2]).value).value))

        fails(ScriptedChip(replace={4: spoil}), 4, "pace.token")

    @pytest.mark.parametrize("step", [1, 2, 3, 4])
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda tag, value: answer(tag | 0x10, value),
            lambda tag, value: answer(tag, value, tlv.encode(tag, value)),
            lambda tag, value: answer(tag, value, tlv.encode(0x87, b"CAR")),
            lambda tag, value: answer(tag, value, b"\x00"),
            lambda tag, value: answer(tag, value)[:-2] + b"\x00\x90\x00",
            lambda tag, value: answer(tag, value, outer=0x7D),
            lambda tag, value: answer(tag, value, outer=0x5C),
            lambda tag, value: tlv.encode(tag, value) + b"\x90\x00",
            lambda tag, value: b"\x7c\x00\x90\x00",
            lambda tag, value: b"\x90\x00",
        ],
        ids=[
            "tag",
            "twice",
            "more",
            "junk",
            "trailing",
            "outer",
            "primitive",
            "bare",
            "empty",
            "nothing",
        ],
    )
    def test_wrong_objects(self, step: int, spoil: Callable[[int, bytes], bytes]) -> None:
        def change(raw: bytes) -> bytes:
            return spoil(STEP_TAGS[step], tlv.parse(tlv.parse(raw[:-2]).value).value)

        fails(ScriptedChip(replace={step: change}), step, "pace.answer")

    def test_chip_authentication_data_is_left_alone(self) -> None:
        """An additional 8A in generic mapping is let pass and proves nothing."""

        def add(raw: bytes) -> bytes:
            value = tlv.parse(tlv.parse(raw[:-2]).value).value
            return answer(0x86, value, tlv.encode(0x8A, b"cam"))

        assert pace.establish(ScriptedChip(replace={4: add}), info(), CAN).is_open

    @pytest.mark.parametrize("step", [0, 1, 2, 3])
    @pytest.mark.parametrize("sw", [0x6300, 0x6700, 0x6982, 0x6985, 0x6A80, 0x6A88, 0x6D00])
    def test_refusal(self, step: int, sw: int) -> None:
        chip = ScriptedChip(replace={step: lambda _: sw.to_bytes(2, "big")})
        with pytest.raises(StatusError) as caught:
            pace.establish(chip, info(), CAN)
        assert caught.value.sw == sw
        assert len(chip.commands) == step + 1

    @pytest.mark.parametrize(
        ("sw", "code"),
        [
            (0x6300, "access.wrong_password"),
            (0x63C1, "access.wrong_password"),
            (0x6A80, "access.wrong_password"),
            (0x6982, "access.refused"),
            (0x6988, "access.refused"),
            (0x6F00, "access.refused"),
        ],
    )
    def test_refusal_of_the_last_step(self, sw: int, code: str) -> None:
        chip = ScriptedChip(replace={4: lambda _: sw.to_bytes(2, "big")})
        with pytest.raises(AccessDenied) as caught:
            pace.establish(chip, info(), CAN)
        assert (caught.value.code, caught.value.facts["sw"]) == (code, sw)
        assert len(chip.commands) == 5


class TestRetryCounter:
    """C-025: the library stops before the last try and says so."""

    @pytest.mark.parametrize(
        ("sw", "code", "tries"),
        [
            (0x63C1, "access.last_try", 1),
            (0x63C0, "access.blocked", 0),
            (0x6983, "access.blocked", 0),
        ],
    )
    def test_stops(self, sw: int, code: str, tries: int) -> None:
        chip = ScriptedChip(replace={0: lambda _: sw.to_bytes(2, "big")})
        with pytest.raises(AccessDenied) as caught:
            pace.establish(chip, info(), Pin("123456"))
        assert (caught.value.code, caught.value.facts["tries"]) == (code, tries)
        assert len(chip.commands) == 1

    def test_goes_on_while_tries_are_left(self) -> None:
        chip = ScriptedChip(replace={0: lambda _: b"\x63\xc2"})
        assert pace.establish(chip, info(), Pin("123456")).is_open
        assert tlv.only(tlv.parse_all(chip.commands[0].data), 0x83).value == b"\x03"

    def test_tells_how_many_are_left(self) -> None:
        chip = ScriptedChip(can="1234567890", replace={4: lambda _: b"\x63\xc1"})
        with pytest.raises(AccessDenied) as caught:
            pace.establish(chip, info(), Puk("1234567890"))
        assert caught.value.facts["tries"] == 1


def test_no_secret_in_tracebacks_with_locals() -> None:
    """Every failing step, printed with all local variables, shows neither password nor key."""
    for step in range(5):
        chip = ScriptedChip(can="918273", replace={step: lambda raw: b"\x69\x85"})
        scalars = (0xA5A5A5 << 200 | 7, 0x5A5A5A << 200 | 9)
        rng = drawn(*(f"{scalar:064x}" for scalar in scalars))

        def exchange(command: Command, chip: ScriptedChip = chip) -> Response:
            return chip(command)

        try:
            pace.establish(exchange, info(), Can("918273"), rng=rng)
        except EidError as error:
            summary = traceback.TracebackException.from_exception(error, capture_locals=True)
            library = str(Path(pace.__file__).parents[1])  # a checkout may be named eid as well
            frames = [frame for frame in summary.stack if frame.filename.startswith(library)]
            assert frames
            shown = str(error)
            for frame in frames:
                shown += "".join((frame.locals or {}).values())
        else:
            pytest.fail("the run should have been broken off")
        nonce = decrypt(
            Suite.AES_128, kdf(b"918273", KDF_PASSWORD, Suite.AES_128), chip._encrypted_nonce
        )
        secrets = ["918273", str(int.from_bytes(nonce, "big")), repr(nonce), *map(str, scalars)]
        secrets += [
            repr(getattr(chip, name)) for name in ("ks_enc", "ks_mac") if hasattr(chip, name)
        ]
        for secret in secrets:
            assert secret not in shown


class TestGroups:
    """PACE over a prime-order group, against the run of TR-03110 (9303-11 G.2 has its numbers)."""

    OID = "0.4.0.127.0.7.2.2.4.1.2"

    def test_published_run(self) -> None:
        def frame(tag: int, value: str) -> bytes:
            return tlv.encode(0x7C, tlv.encode(tag, bytes.fromhex(value)))

        run = DH
        answers = iter(
            frame(tag, run[name]) + b"\x90\x00"
            for tag, name in (
                (0x80, "nonce_enc"),
                (0x82, "map_picc_pub_key"),
                (0x84, "picc_pub_key"),
                (0x86, "authentication_token_picc"),
            )
        )
        sent: list[Command] = []

        def exchange(command: Command) -> Response:
            sent.append(command)
            return Response(b"", 0x9000) if len(sent) == 1 else Response.parse(next(answers))

        order = pace.offer_of(info(self.OID, 0)).domain.group.q
        secret = [int(run[name], 16) % order for name in ("map_pcd_priv_key", "pcd_priv_key")]
        rng = drawn(*(f"{number:040x}" for number in secret))
        key = Pin(run["password"])
        session = pace.establish(exchange, info(self.OID, 0), key, rng=rng)
        assert bytes(session._ks_enc).hex() == run["k_enc"]
        assert bytes(session._ks_mac).hex() == run["k_mac"]
        assert sent[2].data == frame(0x81, run["map_pcd_pub_key"])
        assert sent[3].data == frame(0x83, run["pcd_pub_key"].removeprefix("00"))
        assert sent[4].data == frame(0x85, run["authentication_token_pcd"])

    def test_domain_must_fit_its_family(self) -> None:
        assert pace.offer_of(info(self.OID, 13)) is None
        assert pace.offer_of(info(OIDS[Suite.AES_128], 1)) is None
        found = pace.offer_of(info(self.OID, 2))
        assert found is not None
        assert (found.domain.name, found.domain.strength) == ("dh-2048", 112)


class TestOwnParameters:
    """PACEDomainParameterInfo: taken only where all parameters equal a known domain's."""

    OID = OIDS[Suite.AES_128]

    def infos(self, algorithm: bytes, number: int | None, named: int | None) -> SecurityInfos:
        def entry(oid: str, *parts: bytes) -> bytes:
            return tlv.encode(0x30, tlv.encode(0x06, tlv.encode_oid(oid)), *parts)

        def integer(value: int) -> bytes:
            return tlv.encode(0x02, tlv.encode_int(value))

        pace_info = entry(self.OID, integer(2), *([] if named is None else [integer(named)]))
        own = entry(self.OID[:-2], algorithm, *([] if number is None else [integer(number)]))
        return parse_security_infos(tlv.encode(0x31, pace_info, own))

    STANDARD = tlv.encode(
        0x30, tlv.encode(0x06, tlv.encode_oid("0.4.0.127.0.7.1.2")), b"\x02\x01\x10"
    )
    NAMED = tlv.encode(
        0x30,
        tlv.encode(0x06, tlv.encode_oid("1.2.840.10045.2.1")),
        tlv.encode(0x06, tlv.encode_oid("1.3.36.3.3.2.8.1.1.7")),
    )

    @pytest.mark.parametrize(
        ("algorithm", "number", "named", "name", "sent"),
        [
            (STANDARD, None, None, "brainpoolP384r1", 16),
            (NAMED, None, None, "brainpoolP256r1", 13),
            (NAMED, 41, 41, "brainpoolP256r1", 41),
            (STANDARD, 41, 13, "brainpoolP256r1", 13),
        ],
    )
    def test_usable(
        self, algorithm: bytes, number: int | None, named: int | None, name: str, sent: int
    ) -> None:
        offer = pace.choose_offer(self.infos(algorithm, number, named))
        assert (offer.domain.name, offer.parameter_id) == (name, sent)

    @pytest.mark.parametrize(
        ("algorithm", "number", "named"),
        [
            (STANDARD, 41, None),
            (STANDARD, 41, 42),
            (b"\x30\x00", None, None),
            (STANDARD.replace(b"\x02\x01\x10", b"\x02\x01\x01"), None, None),
        ],
        ids=["other number", "unknown number", "no algorithm", "a group for a curve's protocol"],
    )
    def test_unusable(self, algorithm: bytes, number: int | None, named: int | None) -> None:
        with pytest.raises(AccessDenied):
            pace.choose_offer(self.infos(algorithm, number, named))
