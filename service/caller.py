"""The caller of a use case: the scope of its key, and the projects that it may see."""

import enum
from dataclasses import dataclass
from hashlib import blake2b

from regdex.errors import PermissionDenied


class Scope(enum.IntEnum):
    """What a key allows; a higher scope includes the lower ones."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Return the name that is stored and printed: `read`, `write`, `admin`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller sees the projects in `project_ids`; None means all. `key_id` is empty without a key."""

    scope: Scope
    project_ids: frozenset[int] | None = None
    key_id: str = ""

    @property
    def projects(self) -> list[int] | None:
        """Return the argument of the predicate `($n::bigint[] IS NULL OR project_id = ANY ($n))`."""
        return None if self.project_ids is None else sorted(self.project_ids)

    @property
    def visibility(self) -> str:
        """Return a hash that is equal for callers who see the same projects. Page tokens and cache keys contain it."""
        if self.project_ids is None:
            return ""
        return blake2b(repr(self.projects).encode(), digest_size=8).hexdigest()

    def require(self, scope: Scope) -> None:
        """Raise PermissionDenied unless the caller's scope includes `scope`."""
        if self.scope < scope:
            raise PermissionDenied(f"this needs a key with the scope {scope.word}")
