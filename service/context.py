"""The dependencies that every use case gets: the database, the search index and settings of search."""

from dataclasses import dataclass

from regdex.database import Pool
from regdex.search import SearchIndex


@dataclass(frozen=True, slots=True)
class Context:
    """`search` is None when there is no index to open; PostgreSQL then answers searches by repository name.

    `official_projects` and `facet_labels` are the settings of these names in `[search]`.
    """

    db: Pool
    search: SearchIndex | None = None
    official_projects: frozenset[str] = frozenset()
    facet_labels: frozenset[str] = frozenset()

    def is_official(self, registry: str, project: str) -> bool:
        """Whether the settings list a project as official, for all registries or for this one."""
        return bool(self.official_projects) and (
            project in self.official_projects or f"{registry}/{project}" in self.official_projects
        )
