"""Who asks: the scope of their key, and what they may see. Every use case takes a Caller."""

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
        """As it is stored and printed: `read`, `write`, `admin`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`project_ids` are the projects the caller may see; None is everything. `key_id` is empty without a key."""

    scope: Scope
    project_ids: frozenset[int] | None = None
    key_id: str = ""

    @property
    def projects(self) -> list[int] | None:
        """For the predicate `($n::bigint[] IS NULL OR project_id = ANY ($n))`."""
        return None if self.project_ids is None else sorted(self.project_ids)

    @property
    def visibility(self) -> str:
        """The same for callers who see the same; part of page tokens and of cache keys."""
        if self.project_ids is None:
            return ""
        return blake2b(repr(self.projects).encode(), digest_size=8).hexdigest()

    def require(self, scope: Scope) -> None:
        """PermissionDenied unless the caller's scope includes `scope`."""
        if self.scope < scope:
            raise PermissionDenied(f"this needs a key with the scope {scope.word}")
