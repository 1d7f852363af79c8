"""What the registry's webhooks said, in its own words and order, and what the proxy did with each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class Told:
    """One event. `at` is the registry's true time; `shift` is what the proxy added to it before passing it on.

    `fate` says in words what the proxy decided; `deliveries` are the times at which Regdex accepted it.
    """

    id: str
    action: str
    repository: str
    tag: str
    digest: str
    at: datetime
    shift: timedelta = timedelta(0)
    fate: str = ""
    swallowed: bool = False
    refusals: int = 0
    deliveries: list[datetime] = field(default_factory=list)

    @property
    def is_change(self) -> bool:
        return self.action in ("push", "delete")

    def was_told(self, before: datetime) -> bool:
        """Whether Regdex had accepted it by then."""
        return bool(self.deliveries) and self.deliveries[0] <= before

    def __str__(self) -> str:
        name = f"{self.repository}:{self.tag}" if self.tag else self.repository
        hours = self.shift.total_seconds() / 3600
        fate = self.fate + (f" {self.refusals} times" if self.refusals else "")
        clock = f", clock {hours:+.0f} h" if hours else ""
        told = f", told at {' '.join(f'{at:%H:%M:%S}' for at in self.deliveries)}" if self.deliveries else ""
        return f"{self.at:%H:%M:%S.%f} {self.action:6} {name} {self.digest[7:19]} | {fate}{clock}{told}"


def read_event(item: dict[str, Any]) -> Told:
    """An item of a Distribution envelope."""
    target = item["target"]
    tag = target.get("tag") or ""
    return Told(
        id=item["id"],
        action=item["action"],
        repository=target["repository"],
        tag="" if ":" in tag else tag,
        digest=target.get("digest") or "",
        at=read_time(item["timestamp"]),
    )


def read_time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, cut to microseconds."""
    seconds, _, rest = text.partition(".")
    fraction = rest.rstrip("Z")[:6].ljust(6, "0") if rest else "0"
    parsed = datetime.fromisoformat(seconds.rstrip("Z")).replace(tzinfo=UTC)
    return parsed + timedelta(microseconds=int(fraction))


def shift_time(text: str, shift: timedelta) -> str:
    """The same text `shift` later, its fraction untouched."""
    moved = datetime.fromisoformat(text[:19]) + shift
    return moved.isoformat() + text[19:]


def about_tag(events: Iterable[Told], repository: str, tag: str) -> list[Told]:
    """Changes that can decide what a tag points to: those of it, and deletes of manifests that it ever pointed to."""
    here = [event for event in events if event.is_change and event.repository == repository]
    pointed = {event.digest for event in here if event.tag == tag and event.action == "push"}
    return _in_order(
        event for event in here if event.tag == tag or (event.action == "delete" and event.digest in pointed)
    )


def about_manifest(events: Iterable[Told], repository: str, digest: str) -> list[Told]:
    """Changes that decide whether a manifest is in a repository."""
    return _in_order(
        event
        for event in events
        if event.is_change
        and event.repository == repository
        and event.digest == digest
        and not (event.action == "delete" and event.tag)
    )


def _in_order(events: Iterable[Told]) -> list[Told]:
    return sorted(events, key=lambda event: event.at)
