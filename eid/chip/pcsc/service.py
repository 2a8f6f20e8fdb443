"""Short conversations with the PC/SC service, and what its result codes stand for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Final, Self

from eid.errors import CardError, CardRemoved, ReaderError

State = tuple[str, int]

NO_READERS: Final = 0x8010002E
_TIMEOUT: Final = 0x8010000A
_UNKNOWN_READER: Final = 0x80100009

_REMOVED: Final = frozenset({0x80100016, 0x80100069, 0x80100068, 0x8010000C, 0x80100066})
_READER_ERRORS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        0x8010000B: ("reader.busy", "Another program is using the reader."),
        0x8010001D: ("reader.no_service", "The PC/SC service is not running."),
        0x8010001E: ("reader.no_service", "The PC/SC service has stopped."),
        0x80100013: ("reader.no_service", "The PC/SC service does not answer."),
        NO_READERS: ("reader.none", "No reader is connected."),
        _UNKNOWN_READER: ("reader.gone", "The reader is not connected any more."),
        0x80100017: ("reader.gone", "The reader is not available any more."),
        0x8010006A: ("reader.refused", "The system does not let this user reach the reader."),
    }
)


def scard_module() -> ModuleType:
    """Import pyscard's thin layer; ReaderError ``reader.no_pyscard`` where it is missing."""
    try:
        from smartcard import scard  # noqa: PLC0415 - an extra, needed at a reader only
    except ImportError as error:
        raise ReaderError(
            "The package pyscard is not installed (eid[pcsc]).", code="reader.no_pyscard"
        ) from error
    return scard  # type: ignore[no-any-return]


def establish(scard: ModuleType) -> int:
    """Open a context of one's own with the service."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    require(result)
    return context  # type: ignore[no-any-return]


def require(result: int, otherwise: CardError | None = None) -> None:
    """Raise what a result code of the service stands for, unless it is success."""
    number = result & 0xFFFFFFFF
    if number == 0:
        return
    if number in _READER_ERRORS:
        code, message = _READER_ERRORS[number]
        raise ReaderError(message, code=code, hresult=number)
    if number in _REMOVED:
        raise CardRemoved("The card left the reader.", hresult=number)
    raise otherwise or ReaderError(
        f"The reader failed ({number:08X}).", code="reader.failed", hresult=number
    )


class Context:
    """A short conversation with the service, released when the block is left."""

    def __init__(self) -> None:
        self.scard = scard_module()

    def __enter__(self) -> Self:
        self._context = establish(self.scard)
        return self

    def __exit__(self, *_: object) -> None:
        self.scard.SCardReleaseContext(self._context)

    def readers(self) -> tuple[str, ...]:
        """Return all readers' names; none is an empty tuple."""
        result, names = self.scard.SCardListReaders(self._context, [])
        if result & 0xFFFFFFFF == NO_READERS:
            return ()
        require(result)
        return tuple(names)

    def states(
        self, readers: tuple[str, ...] | tuple[State, ...], wait_ms: int = 0
    ) -> tuple[State, ...]:
        """Return readers' states, now or as soon as one differs from what is given."""
        known = [(r, self.scard.SCARD_STATE_UNAWARE) if isinstance(r, str) else r for r in readers]
        result, states = self.scard.SCardGetStatusChange(self._context, wait_ms, known)
        if result & 0xFFFFFFFF != _TIMEOUT:
            require(result)
        changed = self.scard.SCARD_STATE_CHANGED
        return tuple((name, state & ~changed) for name, state, _ in states)

    def present(self, state: int) -> bool:
        """Whether a card lies on a reader of this state."""
        return bool(state & self.scard.SCARD_STATE_PRESENT)

    @staticmethod
    def events(state: int) -> int:
        """Return how often a card was put there or taken away."""
        return state >> 16 & 0xFFFF
