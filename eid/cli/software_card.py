"""Which software card `eid simulate` inserts: made anew, played back, loaded, with its faults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import FormatError

if TYPE_CHECKING:
    from eid.testing.card_image import CardImage
    from eid.testing.faults import Fault
    from eid.testing.people import Person
    from eid.testing.profiles import Profile

_MAX_FILE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for; ``image`` and ``case`` are cards that exist already."""

    person: str
    holder: Path | None
    profile: str
    faults: tuple[str, ...]
    image: Path | None
    case: Path | None
    save_trust: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The card, the faults that strike at one of its commands, and whose new card it is."""

    image: CardImage
    faults: tuple[Fault, ...]
    holder: str = ""


def prepare(wanted: Wanted) -> Prepared:
    """Make or load the card; what does not go together is a FormatError."""
    from eid.testing.faults import Fault

    at_commands = tuple(Fault.from_text(name) for name in wanted.faults if "@" in name)
    named = tuple(name for name in wanted.faults if "@" not in name)
    if wanted.image is None and wanted.case is None:
        image, person = _new(wanted, named)
        holder = f"Fictional holder: {person.name}; number to type: {person.number}"
        return Prepared(image=image, faults=at_commands, holder=holder)
    if wanted.save_trust:
        raise FormatError(
            "The trust folder belongs to a new card; do not give --image or --case.",
            code="input.trust",
        )
    return Prepared(image=_with_faults(_loaded(wanted), named), faults=at_commands)


def listing() -> list[str]:
    """Lines that name every profile and every fault."""
    from eid.testing import profile_faults
    from eid.testing.faults import KINDS
    from eid.testing.profiles import PROFILES

    width = max(len(name) for name, _, _ in profile_faults.table())
    return [
        "Profiles: " + ", ".join(sorted(PROFILES)),
        "At one command (1 is the first, 0 is every one): "
        + ", ".join(f"{kind}@N" for kind in KINDS),
        "Faults, with the number of the pitfall:",
        *(
            f"  {name:{width}}  {pitfall:2}  {what}"
            for name, pitfall, what in profile_faults.table()
        ),
    ]


def _loaded(wanted: Wanted) -> CardImage:
    from eid.testing.card_image import CardImage
    from eid.testing.case_folder import card_from_case

    if wanted.case is not None:
        if wanted.image is not None:
            raise FormatError("Give --image or --case, not both.", code="input.card")
        return card_from_case(wanted.case)
    assert wanted.image is not None
    return CardImage.from_json(_content(wanted.image))


def _with_faults(image: CardImage, names: tuple[str, ...]) -> CardImage:
    """Add faults of the wire; those of issue would break the signature."""
    from eid.testing.softcard_quirks import QUIRKS

    for name in names:
        if name not in QUIRKS:
            raise FormatError(
                f"The fault {name[:40]} is not one of the wire; it needs a new card.",
                code="input.fault",
            )
    traits = replace(image.traits, quirks=image.traits.quirks | set(names))
    return replace(image, traits=traits)


def _new(wanted: Wanted, faults: tuple[str, ...]) -> tuple[CardImage, Person]:
    from eid.testing import profile_faults
    from eid.testing.personalise import authority_for, personalise

    at = datetime.now(UTC)
    person = _person(wanted)
    profile = profile_faults.apply(_profile(wanted.profile), faults)
    authority, issued = authority_for(profile, at=at)
    card = personalise(person, authority, at=issued, profile=profile)
    if wanted.save_trust:
        authority.trust_folder(wanted.save_trust, crl=authority.crl(at=at))
    return card, person


def _person(wanted: Wanted) -> Person:
    from eid.testing.holder_file import holder_from_toml
    from eid.testing.people import PEOPLE

    if wanted.holder is not None:
        return holder_from_toml(_content(wanted.holder))
    if wanted.person not in PEOPLE:
        raise FormatError(
            f"There is no such person; known: {', '.join(PEOPLE)}.", code="input.person"
        )
    return PEOPLE[wanted.person]


def _profile(name: str) -> Profile:
    from eid.chip.card_profile import CardProfile
    from eid.testing.profiles import PROFILES
    from eid.testing.replay import replayed

    if name in PROFILES:
        return PROFILES[name]
    if not Path(name).is_file():
        raise FormatError(
            f"There is no such profile; known: {', '.join(sorted(PROFILES))}, or a file.",
            code="input.profile",
        )
    return replayed(CardProfile.from_json(_content(Path(name))))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_FILE + 1)
