"""The PC/SC transport against every result the service can give, without a service.

A stand-in for the thin layer of pyscard gives the results; tests/pcsc goes through a real one.
"""

from __future__ import annotations

import builtins
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from eid.chip import pcsc
from eid.chip.pcsc import service as service_module
from eid.chip.pcsc.service import scard_module
from eid.chip.pcsc.worker import Worker
from eid.errors import CardError, CardRemoved, DeadlineExceeded, ReaderError

ATR = bytes.fromhex("3B80800101")
SIGNED = 0x100000000
PRESENT, EMPTY, CHANGED = 0x20, 0x10, 0x02


def signed(code: int) -> int:
    return code - SIGNED if code >= 0x80000000 else code


class Service:
    """What pyscard's functions would return; ``results`` overrides them by name."""

    SCARD_SCOPE_USER = 0
    SCARD_SHARE_EXCLUSIVE = 1
    SCARD_PROTOCOL_T0 = 1
    SCARD_PROTOCOL_T1 = 2
    SCARD_PCI_T0 = "t0"
    SCARD_PCI_T1 = "t1"
    SCARD_RESET_CARD = 1
    SCARD_STATE_UNAWARE = 0
    SCARD_STATE_CHANGED = CHANGED
    SCARD_STATE_PRESENT = PRESENT

    def __init__(self) -> None:
        self.results: dict[str, int] = {}
        self.readers = ["Reader A"]
        self.states: dict[str, list[int]] = {}
        self.answer: list[int] = [0x90, 0x00]
        self.protocol = 2
        self.calls: list[tuple[object, ...]] = []
        self.block: threading.Event | None = None

    def _result(self, name: str, *arguments: object) -> int:
        self.calls.append((name, *arguments))
        return signed(self.results.get(name, 0))

    def names(self) -> list[object]:
        return [call[0] for call in self.calls]

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:  # noqa: N802
        return self._result("establish", scope), 7

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802
        return self._result("release", context)

    def SCardListReaders(self, context: int, groups: list[str]) -> tuple[int, list[str]]:  # noqa: N802
        return self._result("list"), self.readers

    def SCardConnect(  # noqa: N802
        self, context: int, reader: str, share: int, protocols: int
    ) -> tuple[int, int, int]:
        return self._result("connect", reader, share, protocols), 9, self.protocol

    def SCardStatus(self, card: int) -> tuple[int, str, int, int, list[int]]:  # noqa: N802
        return self._result("status"), "Reader A", 0, 2, list(ATR)

    def SCardTransmit(self, card: int, pci: object, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802
        if self.block is not None:
            self.block.wait(5)
        assert isinstance(command, list)
        return self._result("transmit", pci, bytes(command)), self.answer

    def SCardDisconnect(self, card: int, disposition: int) -> int:  # noqa: N802
        return self._result("disconnect", disposition)

    def SCardGetStatusChange(  # noqa: N802
        self, context: int, wait: int, known: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        result = self._result("change", wait, tuple(known))
        found = []
        for name, _ in known:
            queue = self.states.get(name, [EMPTY])
            state = queue.pop(0) if len(queue) > 1 else queue[0]
            found.append((name, state | CHANGED, []))
        return result, found


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    stand_in = Service()
    monkeypatch.setattr(service_module, "scard_module", lambda: stand_in)
    yield stand_in
    if stand_in.block is not None:
        stand_in.block.set()


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ReaderError) as caught:
        call()
    return caught.value.code


class TestReaders:
    def test_list(self, service: Service) -> None:
        service.readers = ["A", "B"]
        assert pcsc.list_readers() == ("A", "B")
        assert service.names() == ["establish", "list", "release"]

    def test_none(self, service: Service) -> None:
        service.results["list"] = 0x8010002E
        assert pcsc.list_readers() == ()
        assert refused(pcsc.connect) == "reader.none"

    @pytest.mark.parametrize(
        ("result", "code"),
        [
            (0x8010001D, "reader.no_service"),
            (0x8010001E, "reader.no_service"),
            (0x80100013, "reader.no_service"),
            (0x8010006A, "reader.refused"),
            (0x80100001, "reader.failed"),
        ],
    )
    def test_service_in_trouble(self, service: Service, result: int, code: str) -> None:
        service.results["establish"] = result
        assert refused(pcsc.list_readers) == code
        service.results = {"list": result}
        assert refused(pcsc.list_readers) == code
        assert service.names()[-1] == "release"

    def test_no_pyscard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def without(name: str, *rest: object, **more: object) -> object:
            if name.startswith("smartcard"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", without)
        assert refused(pcsc.list_readers) == "reader.no_pyscard"


class TestChoice:
    def test_by_name(self, service: Service) -> None:
        service.readers = ["A", "B"]
        assert pcsc.connect("B").reader.name == "B"
        assert refused(lambda: pcsc.connect("C")) == "reader.unknown"

    def test_virtual_readers_are_not_taken_unasked(self, service: Service) -> None:
        service.readers = ["Virtual PCD 00 00"]
        assert refused(pcsc.connect) == "reader.virtual"
        assert pcsc.connect(allow_virtual=True).reader.name == "Virtual PCD 00 00"
        assert pcsc.connect("Virtual PCD 00 00").reader.name == "Virtual PCD 00 00"
        service.readers = ["Virtual PCD 00 00", "Real"]
        assert pcsc.connect().reader.name == "Real"

    def test_the_reader_that_holds_a_card(self, service: Service) -> None:
        service.readers = ["A", "B", "C"]
        service.states = {"B": [PRESENT]}
        assert pcsc.connect().reader.name == "B"
        service.states = {"B": [PRESENT], "C": [PRESENT]}
        assert refused(pcsc.connect) == "reader.ambiguous"
        service.states = {}
        assert pcsc.connect().reader.name == "A"

    def test_sixteen_readers(self, service: Service) -> None:
        service.readers = [f"R{n}" for n in range(16)]
        service.states = {"R3": [PRESENT]}
        assert pcsc.connect().reader.name == "R3"
        change = next(call for call in service.calls if call[0] == "change")
        assert len(change[2]) == 15


class TestConnection:
    def test_talk(self, service: Service) -> None:
        transport = pcsc.connect()
        service.answer = [1, 2, 0x90, 0x00]
        assert transport.transmit(b"\x00\xb0\x00\x00\x02") == b"\x01\x02\x90\x00"
        assert (transport.reader.name, transport.reader.atr) == ("Reader A", ATR)
        assert ("connect", "Reader A", 1, 3) in service.calls
        assert ("transmit", "t1", b"\x00\xb0\x00\x00\x02") in service.calls
        transport.close()
        transport.close()
        assert service.calls[-2:] == [("disconnect", 1), ("release", 7)]
        with pytest.raises(CardRemoved):
            transport.transmit(bytes(5))

    def test_old_protocol(self, service: Service) -> None:
        service.protocol = 1
        pcsc.connect().transmit(bytes(5))
        assert ("transmit", "t0", bytes(5)) in service.calls

    @pytest.mark.parametrize(
        ("result", "kind", "code"),
        [
            (0x80100016, CardRemoved, "card.removed"),
            (0x80100069, CardRemoved, "card.removed"),
            (0x80100068, CardRemoved, "card.removed"),
            (0x8010000C, CardRemoved, "card.removed"),
            (0x80100066, CardRemoved, "card.removed"),
            (0x80100099, CardRemoved, "card.removed"),
            (0x8010000B, ReaderError, "reader.busy"),
            (0x8010001D, ReaderError, "reader.no_service"),
            (0x80100009, ReaderError, "reader.gone"),
            (0x80100017, ReaderError, "reader.gone"),
        ],
    )
    def test_any_failure_ends_the_connection(
        self, service: Service, result: int, kind: type[CardError], code: str
    ) -> None:
        transport = pcsc.connect()
        service.results["transmit"] = result
        with pytest.raises(kind) as caught:
            transport.transmit(bytes(5))
        assert caught.value.code == code
        service.results.clear()
        with pytest.raises(CardRemoved):
            transport.transmit(bytes(5))
        assert service.names().count("transmit") == 1
        assert service.names()[-2:] == ["disconnect", "release"]

    @pytest.mark.parametrize("answer", [[], [0x90]])
    def test_success_without_an_answer_is_removal(
        self, service: Service, answer: list[int]
    ) -> None:
        transport = pcsc.connect()
        service.answer = answer
        with pytest.raises(CardRemoved):
            transport.transmit(bytes(5))
        assert service.names()[-1] == "release"

    @pytest.mark.parametrize("step", ["establish", "connect", "status"])
    @pytest.mark.parametrize(
        ("result", "kind"), [(0x8010000B, ReaderError), (0x8010000C, CardRemoved)]
    )
    def test_failed_connection_leaves_nothing_open(
        self, service: Service, step: str, result: int, kind: type[CardError]
    ) -> None:
        service.results[step] = result
        with pytest.raises(kind):
            pcsc.connect("Reader A")
        opened = service.names().count("establish") - (step == "establish")
        assert service.names().count("release") == opened

    def test_silent_reader(self, service: Service) -> None:
        transport = pcsc.connect(call_timeout_s=0.1)
        service.block = threading.Event()
        with pytest.raises(DeadlineExceeded) as caught:
            transport.transmit(bytes(5))
        assert caught.value.code == "reader.deadline"
        service.block.set()
        with pytest.raises(CardRemoved):
            transport.transmit(bytes(5))
        transport.close()
        assert "disconnect" not in service.names()

    def test_what_is_left_of_a_read_bounds_a_command(self, service: Service) -> None:
        transport = pcsc.connect()
        transport.allow(3600.0)
        assert transport.transmit(b"\x00\xa4\x00\x00") == b"\x90\x00"
        service.block = threading.Event()
        transport.allow(0.05)
        with pytest.raises(DeadlineExceeded) as caught:
            transport.transmit(b"\x00\xa4\x00\x00")
        assert caught.value.code == "card.deadline"
        service.block.set()
        with pytest.raises(CardRemoved):
            transport.transmit(b"\x00\xa4\x00\x00")

    def test_a_stuck_worker_is_not_used_again(self) -> None:
        worker, hold = Worker(), threading.Event()
        assert worker.run(lambda: hold.wait(5), 0.05) is None
        assert worker.stuck
        assert worker.run(lambda: True, 5) is None
        hold.set()

    def test_fork(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        transport = pcsc.connect()
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert refused(lambda: transport.transmit(bytes(5))) == "reader.forked"
        transport.close()
        assert "disconnect" not in service.names()


def clock_of(*times: float) -> Callable[[], float]:
    queue = list(times)
    return lambda: queue.pop(0) if len(queue) > 1 else queue[0]


def state(count: int, *, present: bool) -> int:
    return count << 16 | (PRESENT if present else EMPTY)


class TestWaiting:
    def test_card_is_there(self, service: Service) -> None:
        service.states = {"Reader A": [state(1, present=True)]}
        assert pcsc.wait_for_card(timeout=1) == "Reader A"
        assert service.names()[-1] == "release"

    def test_card_comes(self, service: Service) -> None:
        service.states = {"Reader A": [state(0, present=False)] * 3 + [state(1, present=True)]}
        assert pcsc.wait_for_card(timeout=60) == "Reader A"

    def test_lying_card_does_not_count(self, service: Service) -> None:
        service.states = {"Reader A": [state(1, present=True)]}
        with pytest.raises(DeadlineExceeded) as caught:
            pcsc.wait_for_card(timeout=1, presented_after=True, clock=clock_of(0, 0, 0.5, 2))
        assert caught.value.code == "card.none"

    def test_lying_card_taken_and_put_back(self, service: Service) -> None:
        service.states = {
            "Reader A": [
                state(1, present=True),
                state(1, present=True),
                state(2, present=False),
                state(3, present=True),
            ]
        }
        assert pcsc.wait_for_card(timeout=60, presented_after=True) == "Reader A"

    def test_lying_card_swapped_between_two_looks(self, service: Service) -> None:
        service.states = {"Reader A": [state(1, present=True), state(3, present=True)]}
        assert pcsc.wait_for_card(timeout=60, presented_after=True) == "Reader A"

    def test_new_card_on_another_reader(self, service: Service) -> None:
        service.readers = ["A", "B"]
        service.states = {
            "A": [state(1, present=True)],
            "B": [state(0, present=False), state(1, present=True)],
        }
        assert pcsc.wait_for_card(timeout=60, presented_after=True) == "B"

    def test_waits_in_short_turns(self, service: Service) -> None:
        with pytest.raises(DeadlineExceeded):
            pcsc.wait_for_card(timeout=0.7, clock=clock_of(0, 0, 0.5, 1))
        waits = [call[1] for call in service.calls if call[0] == "change"]
        assert waits == [0, 500, 199]

    def test_quiet_service_is_no_failure(self, service: Service) -> None:
        service.results["change"] = 0x8010000A
        service.states = {"Reader A": [state(0, present=False), state(1, present=True)]}
        assert pcsc.wait_for_card(timeout=60) == "Reader A"

    def test_reader_unplugged(self, service: Service) -> None:
        service.results["change"] = 0x80100009
        assert refused(lambda: pcsc.wait_for_card("Reader A", timeout=60)) == "reader.gone"
        assert service.names()[-1] == "release"

    def test_only_named_readers(self, service: Service) -> None:
        service.readers = ["Virtual PCD 00 00"]
        assert refused(lambda: pcsc.wait_for_card(timeout=1)) == "reader.virtual"
        service.states = {"Virtual PCD 00 00": [PRESENT]}
        assert pcsc.wait_for_card(timeout=1, allow_virtual=True) == "Virtual PCD 00 00"


def test_the_real_layer_has_all_names() -> None:
    pytest.importorskip("smartcard")
    scard = scard_module()
    for name in vars(Service):
        if name.startswith("SC"):
            assert hasattr(scard, name), name
