"""The kiosk's screens as one state table: where each event leads, what it needs, gives and drops.

Everything that a person can meet is a row of :data:`EDGES`; pages, live events and the diagram of
the documentation are made from it. No row leads to a reading without a consent record, and a test
walks the whole table to hold that.

>>> start = Session()
>>> advance(start, "begin").screen
'consent'
>>> advance(start, "number", number="079199000001")
Traceback (most recent call last):
    ...
eid.errors.RequestRefused: This step does not follow from the screen that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from eid.errors import (
    CardError,
    EidError,
    FormatError,
    InsufficientEvidence,
    RequestRefused,
    SettingsError,
    Unavailable,
    VerificationError,
)

if TYPE_CHECKING:
    from eid.chip.access import PersonalNumber
    from eid.kiosk.consent import ConsentRecord

Screen = str
Fact = Literal["consent", "portrait", "number", "clerk", "kind", "outcome", "problem"]

PERSONAL: Final[frozenset[Fact]] = frozenset(
    {"consent", "portrait", "number", "kind", "outcome", "problem"}
)
"""What belongs to one person; the clerk's own login is beside it."""
EVERYTHING: Final[frozenset[Fact]] = PERSONAL | {"clerk"}
READING: Final = frozenset({"present", "reading", "login_reading"})
"""The screens on which a card is awaited or read."""
_NONE: Final[frozenset[Fact]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One row: on ``source`` the ``event`` leads to ``target``.

    ``needs`` must be there before, ``gives`` comes with the event, ``drops`` is forgotten.
    """

    source: Screen
    event: str
    target: Screen
    needs: frozenset[Fact] = _NONE
    gives: frozenset[Fact] = _NONE
    drops: frozenset[Fact] = _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a screen shows it: its stable code, and an id to find it in the log."""

    code: str
    correlation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a visit ended, for the last screen: nothing that the person did not show now."""

    reference: str
    name: str = field(default="", repr=False)
    verdict: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One screen and what is known on it; ``clerk`` is a signed statement of who is on duty."""

    screen: Screen = "welcome"
    consent: ConsentRecord | None = None
    portrait: ConsentRecord | None = None
    number: PersonalNumber | None = field(default=None, repr=False)
    clerk: str | None = field(default=None, repr=False)
    kind: str | None = None
    outcome: Outcome | None = None
    problem: Problem | None = None

    def has(self, facts: frozenset[Fact]) -> bool:
        """Whether all of these are known."""
        return all(getattr(self, fact) is not None for fact in facts)


def _facts(*names: Fact) -> frozenset[Fact]:
    return frozenset(names)


_CONSENTED = _facts("consent", "number")
_PROBLEM = _facts("problem")

_VISIT: Final = (
    Edge(source="welcome", event="begin", target="consent"),
    Edge(source="welcome", event="help", target="help"),
    Edge(source="welcome", event="clerk", target="clerk"),
    Edge(source="consent", event="agree", target="number", gives=_facts("consent")),
    Edge(source="consent", event="agree_ask", target="portrait", gives=_facts("consent")),
    Edge(source="consent", event="decline", target="declined", drops=PERSONAL),
    Edge(
        source="portrait",
        event="portrait_yes",
        target="number",
        needs=_facts("consent"),
        gives=_facts("portrait"),
    ),
    Edge(source="portrait", event="portrait_no", target="number", needs=_facts("consent")),
    Edge(
        source="number",
        event="number",
        target="present",
        needs=_facts("consent"),
        gives=_facts("number"),
        drops=_PROBLEM,
    ),
    Edge(
        source="number",
        event="slip",
        target="number",
        needs=_facts("consent"),
        gives=_PROBLEM,
        drops=_facts("number"),
    ),
    Edge(source="present", event="card", target="reading", needs=_CONSENTED),
    Edge(
        source="reading",
        event="accepted",
        target="done",
        needs=_CONSENTED,
        gives=_facts("outcome"),
        drops=_facts("number"),
    ),
    Edge(
        source="reading",
        event="recorded",
        target="recorded",
        needs=_CONSENTED,
        gives=_facts("outcome"),
        drops=_facts("number"),
    ),
)

_ASSISTED: Final = (
    Edge(source="clerk", event="signed_in", target="desk", gives=_facts("clerk"), drops=_PROBLEM),
    Edge(source="clerk", event="slip", target="clerk", gives=_PROBLEM),
    Edge(source="desk", event="begin", target="consent", needs=_facts("clerk")),
    Edge(
        source="desk", event="manual", target="manual", needs=_facts("clerk"), gives=_facts("kind")
    ),
    Edge(source="desk", event="sign_out", target="welcome", drops=EVERYTHING),
    Edge(
        source="manual",
        event="noted",
        target="noted",
        needs=_facts("clerk", "kind"),
        gives=_facts("outcome"),
        drops=_PROBLEM,
    ),
    Edge(
        source="manual",
        event="slip",
        target="manual",
        needs=_facts("clerk", "kind"),
        gives=_PROBLEM,
    ),
)

_LOGIN: Final = (
    Edge(
        source="login",
        event="login_agree",
        target="login_reading",
        gives=_CONSENTED,
        drops=_PROBLEM,
    ),
    Edge(source="login", event="decline", target="declined", drops=PERSONAL),
    Edge(
        source="login_reading",
        event="slip",
        target="login",
        needs=_CONSENTED,
        gives=_PROBLEM,
        drops=_CONSENTED,
    ),
    Edge(
        source="login_reading",
        event="delivered",
        target="login_back",
        needs=_CONSENTED,
        drops=EVERYTHING,
    ),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A screen for something that went wrong: which codes lead to it, and the way on.

    ``again`` is where "try again" leads; without it the way on is the counter and a fresh start.
    ``mends`` is the live event that mends it by itself.
    """

    codes: tuple[str, ...]
    again: Screen | None = None
    mends: str | None = None


TROUBLES: Final[Mapping[Screen, Trouble]] = MappingProxyType(
    {
        "lifted": Trouble(("card.removed", "card.restless"), "present"),
        "no_card": Trouble(("card.none",), "present"),
        "wrong_card": Trouble(
            ("access.wrong_password", "access.last_try", "holder_mismatch", "holder.other_person"),
            "number",
        ),
        "expired": Trouble(("document.expired",)),
        "foreign": Trouble(("mrz.issuing_state", "access.no_pace", "holder.no_number")),
        "refused": Trouble(()),
        "unreadable": Trouble((), "present"),
        "two_cards": Trouble(("reader.ambiguous", "agent.busy"), "present"),
        "unplugged": Trouble(("reader",), "present", "reader_back"),
        "service_down": Trouble(("reader.service", "reader.no_service"), "present", "reader_back"),
        "unreachable": Trouble(("kiosk.no_challenge",), "present"),
        "storage": Trouble(("queue",)),
        "clock": Trouble(("kiosk.clock",)),
        "out_of_service": Trouble(("kiosk.revoked", "kiosk.unknown")),
        "defect": Trouble(()),
    }
)
"""Every screen of trouble, with the error codes that lead to it."""
_BY_CLASS: Final[tuple[tuple[type[EidError], Screen], ...]] = (
    (CardError, "unreadable"),
    (FormatError, "unreadable"),
    (VerificationError, "refused"),
    (InsufficientEvidence, "refused"),
    (Unavailable, "unreachable"),
    (SettingsError, "out_of_service"),
)

_ENDS: Final = ("declined", "help", "done", "recorded", "noted")


def _to_trouble() -> Iterator[Edge]:
    for source in ("present", "reading"):
        for screen in TROUBLES:
            yield Edge(
                source=source,
                event=screen,
                target=screen,
                needs=_CONSENTED,
                gives=_PROBLEM,
                drops=_NONE if TROUBLES[screen].again == "present" else _facts("number"),
            )
    for screen, trouble in TROUBLES.items():
        kept = _CONSENTED if trouble.again == "present" else _facts("consent")
        if trouble.again:
            yield Edge(
                source=screen, event="again", target=trouble.again, needs=kept, drops=_PROBLEM
            )
        if trouble.mends and trouble.again:
            yield Edge(
                source=screen,
                event=trouble.mends,
                target=trouble.again,
                needs=kept,
                drops=_PROBLEM,
            )


def _to_start(rows: tuple[Edge, ...]) -> Iterator[Edge]:
    """From everywhere: "start over" keeps a clerk on duty; idle and a defect wipe everything."""
    screens = dict.fromkeys(name for row in rows for name in (row.source, row.target))
    for screen in screens:
        if screen in {"login", "login_reading", "login_back"}:
            continue
        if screen != "welcome":
            yield Edge(source=screen, event="idle", target="welcome", drops=EVERYTHING)
        if screen not in {"welcome", "desk", "clerk"}:
            yield Edge(
                source=screen, event="over", target="desk", needs=_facts("clerk"), drops=PERSONAL
            )
            yield Edge(source=screen, event="over", target="welcome", drops=EVERYTHING)
        if screen == "clerk":
            yield Edge(source=screen, event="over", target="welcome", drops=EVERYTHING)
    for screen in ("done", "recorded"):
        yield Edge(
            source=screen, event="card_away", target="desk", needs=_facts("clerk"), drops=PERSONAL
        )
        yield Edge(source=screen, event="card_away", target="welcome", drops=EVERYTHING)


_SERVICE_GONE: Final = Edge(
    source="unplugged", event="service_gone", target="service_down", needs=_CONSENTED
)
_ROWS: Final = (*_VISIT, *_ASSISTED, *_LOGIN, *_to_trouble(), _SERVICE_GONE)
EDGES: Final[tuple[Edge, ...]] = (*_ROWS, *_to_start(_ROWS))
SCREENS: Final = tuple(dict.fromkeys(name for row in EDGES for name in (row.source, row.target)))


def advance(session: Session, event: str, **given: Any) -> Session:  # noqa: ANN401 - facts by name
    """The session after an event, by the first row whose needs are met.

    RequestRefused ``kiosk.step`` when no row leads on from this screen; nothing is changed then.
    """
    for edge in EDGES:
        if (edge.source, edge.event) == (session.screen, event) and session.has(edge.needs):
            if given.keys() != edge.gives or any(value is None for value in given.values()):
                raise TypeError(f"the event {event} gives {sorted(edge.gives)}")
            changes: dict[str, Any] = dict.fromkeys(edge.drops)
            return replace(session, screen=edge.target, **(changes | given))
    raise RequestRefused(
        "This step does not follow from the screen that is shown.", code="kiosk.step"
    )


def offers(session: Session, event: str) -> bool:
    """Whether the event leads on from here."""
    return any(
        (edge.source, edge.event) == (session.screen, event) and session.has(edge.needs)
        for edge in EDGES
    )


def trouble_of(error: EidError) -> Screen:
    """The screen for an error: by its code, the nearest parent of that, or its class.

    >>> from eid.errors import CardRemoved, NotGenuine
    >>> trouble_of(CardRemoved("gone")), trouble_of(NotGenuine("a copy", code="aa.signature"))
    ('lifted', 'refused')
    """
    code = error.code
    while code:
        for screen, trouble in TROUBLES.items():
            if code in trouble.codes:
                return screen
        code = code.rpartition(".")[0]
    return next((screen for kind, screen in _BY_CLASS if isinstance(error, kind)), "defect")


def diagram() -> str:
    """The table as a Mermaid diagram, one arrow for each pair of screens (docs are made of it)."""
    arrows: dict[tuple[Screen, Screen], list[str]] = {}
    for edge in EDGES:
        if edge.event in {"idle", "over"} or edge.source in TROUBLES or edge.target in TROUBLES:
            continue
        words = edge.event + (" + consent" if "consent" in edge.gives else "")
        arrows.setdefault((edge.source, edge.target), []).append(words)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> welcome"]
    for (source, target), events in arrows.items():
        lines.append(f"    {source} --> {target}: {', '.join(dict.fromkeys(events))}")
    return "\n".join([*lines, "```"])


def troubles_table() -> str:
    """The screens of trouble as a table: what leads there, and the way on."""
    lines = ["| Screen | Error codes | Way on |", "|---|---|---|"]
    for screen, trouble in TROUBLES.items():
        way = f"try again → `{trouble.again}`" if trouble.again else "the counter, or start over"
        if trouble.mends:
            way += ", by itself when the reader is back"
        codes = ", ".join(f"`{code}`" for code in trouble.codes)
        lines.append(f"| `{screen}` | {codes} | {way} |")
    return "\n".join(lines)
