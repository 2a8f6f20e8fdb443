"""The demo as a story: steps with what each proved and how long it took, then a summary."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from eid.keys import JSON


@dataclass(slots=True)
class Step:
    """One step of the story: what happened, what it proved."""

    title: str
    proven: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def prove(self, sentence: str) -> None:
        """Add a sentence on what this step proved."""
        self.proven.append(sentence)


@dataclass(slots=True)
class Story:
    """Tells each step when it is over; ``say`` is where lines go (nowhere for ``--json``)."""

    say: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)
    facts: dict[str, JSON] = field(default_factory=dict)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run a step under a clock, then tell it; a step that fails is not told."""
        step, began = Step(title), time.monotonic()
        yield step
        step.seconds = time.monotonic() - began
        self.steps.append(step)
        self.say(f"{len(self.steps)}. {title}  [{step.seconds:.2f} s]")
        for sentence in step.proven:
            self.say(f"   - {sentence}")

    def table(self, rows: Mapping[str, str]) -> None:
        """Tell a small table."""
        width = max(len(name) for name in rows)
        self.say("")
        for name, value in rows.items():
            self.say(f"  {name:<{width}}  {value}")

    def to_json(self, outcome: str) -> str:
        """The whole story for a machine."""
        return json.dumps(
            {
                "outcome": outcome,
                "steps": [
                    {
                        "title": step.title,
                        "proven": step.proven,
                        "seconds": round(step.seconds, 3),
                    }
                    for step in self.steps
                ],
                **self.facts,
            },
            ensure_ascii=False,
            indent=2,
        )
