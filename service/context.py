"""What the use cases work with."""

from dataclasses import dataclass

from regdex.database import Pool
from regdex.search import SearchIndex


@dataclass(frozen=True, slots=True)
class Context:
    """`search` is None while there is no index to open; names in PostgreSQL answer then.

    `official_projects` and `facet_labels` are those of `[search]` in the settings.
    """

    db: Pool
    search: SearchIndex | None = None
    official_projects: frozenset[str] = frozenset()
    facet_labels: frozenset[str] = frozenset()

    def is_official(self, registry: str, project: str) -> bool:
        """Whether the platform team vouches for a project, in all registries or in this one."""
        return bool(self.official_projects) and (
            project in self.official_projects or f"{registry}/{project}" in self.official_projects
        )
