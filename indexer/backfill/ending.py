"""The state of a run between pages, its ending, and the message shown to people."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

from indexer.registry.transport import NotAsked
from regdex.errors import RegistryError

MAX_PROBLEMS = 5


class Interrupted(Exception):
    """The registry cannot be read at present; the message says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run: complete, partial or failed, and why.

    With `is_full` everything was read except what the message names. With `blocked` the guard refused the sweep.
    """

    state: str
    message: str = ""
    is_full: bool = False
    blocked: bool = False


@dataclass(slots=True)
class Cursor:
    """The place at which a run continues, and the counts up to it.

    `next` is the cursor of the source, `sweeping` that of the sweep. `catalog_problem` is why the catalog was not read
    to its end. `read_count` counts repositories that were read in full, `unread_count` the others; `problems` has the
    first of the others. `unlisted_ids` are repositories with referrers that could not be listed; `unlisted` says why
    for the first of them.
    """

    next: str | None = None
    listed_all: bool = False
    catalog_problem: str = ""
    catalog_count: int = 0
    has_read_named: bool = False
    known_after: int = 0
    has_walked: bool = False
    sweeping: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    read_count: int = 0
    unread_count: int = 0
    left_count: int = 0
    difference_count: int = 0
    problems: list[str] = field(default_factory=list)
    unlisted_ids: list[int] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, saved: dict[str, Any]) -> Self:
        """Load a cursor that this or another release saved; unknown fields are ignored."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in saved.items() if name in known})

    @property
    def catalog_was_cut(self) -> bool:
        """Whether some pages of the catalog were read, and not all."""
        return bool(self.catalog_problem and self.catalog_count)

    def note(self, repository: str, problem: str) -> None:
        """Count a repository that could not be read; keep the first few for the message."""
        self.unread_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{repository}: {problem}")

    def note_unlisted(self, repository_id: int, repository: str, problem: str) -> None:
        """Note a repository whose referrers could not be listed; keep the first few for the message."""
        self.unlisted_ids.append(repository_id)
        if len(self.unlisted) < MAX_PROBLEMS:
            self.unlisted.append(f"{repository}: {problem}")


def ends_run(error: RegistryError) -> bool:
    """Return whether the registry refuses requests for longer than a run waits."""
    return isinstance(error, NotAsked)


def describe(cursor: Cursor) -> str:
    """Return the message: the parts that were not read, and why."""
    parts: list[str] = []
    if cursor.catalog_problem:
        problem = cursor.catalog_problem
        parts.append(problem if "catalog" in problem else f"the catalog was not read to its end: {problem}")
        if cursor.read_count and not cursor.catalog_count:
            parts.append("only repositories that are known or named in the settings were read")
            parts.append("only webhooks report new ones")
    if cursor.unread_count:
        parts.append(f"not read, and left as they were: {_first_of(cursor.problems, cursor.unread_count)}")
    if cursor.unlisted_ids:
        parts.append(f"referrers not listed: {_first_of(cursor.unlisted, len(cursor.unlisted_ids))}")
    if cursor.left_count:
        parts.append(
            f"{cursor.left_count} repositories have left the catalog; the next read decides whether they were deleted"
        )
    if cursor.rejected:
        parts.append(f"{cursor.rejected} invalid names were left out")
    return "; ".join(parts)


def _first_of(problems: list[str], count: int) -> str:
    more = count - len(problems)
    return "; ".join(problems) + (f"; and {more} more" if more > 0 else "")
