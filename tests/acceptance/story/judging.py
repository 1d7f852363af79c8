"""Whether a wrong answer that calls itself complete is explained by a webhook that the proxy swallowed.

The rule is the issue's: only a swallowed webhook explains, and only one that lies after the answer's `reconciled_at`.
An event that the proxy still holds has not been told: while it is held, answers about its tag or manifest are not
judged. From the moment that Regdex has accepted it, they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tests.acceptance.story.events import Told


class Verdict(Enum):
    """What a wrong answer is."""

    SWALLOWED = "explained by a swallowed webhook"
    HELD = "not told yet"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Wrong:
    """An answer that was complete, and was not what the registry said at the same time."""

    operation: str
    repository: str
    name: str
    said: str
    truth: str
    asked_at: datetime
    reconciled_at: datetime | None


def judge(wrong: Wrong, events: Sequence[Told], *, told_before: datetime) -> Verdict:
    """The verdict, from the `events` about the answer's tag or manifest in the registry's order.

    An event explains nothing where Regdex was told, later in the registry's order, what alone decides the answer: the
    push or the delete of the same tag; of a manifest, its own push or delete. The delete of a manifest does not decide
    what a tag points to, as Regdex may not have been told that the tag pointed there.
    """
    after = [event for event in events if wrong.reconciled_at is None or event.at > wrong.reconciled_at]
    verdict = Verdict.UNEXPLAINED
    for event in after:
        if event.swallowed:
            verdict = Verdict.SWALLOWED
        elif not event.was_told(told_before):
            verdict = Verdict.HELD
        elif wrong.name in (event.tag, event.digest):
            verdict = Verdict.UNEXPLAINED
    return verdict


def describe(wrong: Sequence[Wrong], events: Sequence[Told]) -> str:
    """The smallest facts about one tag or manifest: what both sides say, and what became of each event about it."""
    first = wrong[0]
    operations = ", ".join(sorted({item.operation for item in wrong}))
    reconciled = f"{first.reconciled_at:%H:%M:%S}" if first.reconciled_at else "never"
    lines = [
        f"{first.repository} {first.name}: {len(wrong)} answers of {operations}",
        f"  Regdex says {first.said}; the registry says {first.truth}",
        f"  first asked at {first.asked_at:%H:%M:%S}, reconciled at {reconciled}",
        *(f"  {event}" for event in events[-8:]),
    ]
    return "\n".join(lines)
