"""A cache of all values of fields with few values, such as registries, in which globs are resolved before a search."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from regdex.search.meilisearch.layout import MAX_COUNTED
from regdex.search.meilisearch.values import unescape
from regdex.search.meilisearch.wire import Wire

KEPT_SECONDS = 1.0


@dataclass(slots=True)
class KnownValues:
    """The values are kept for 1 s, so that filters on new values work as soon as the values are searchable."""

    wire: Wire
    clock: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, str], tuple[float, list[str] | None]] = field(default_factory=dict)

    async def read(self, uid: str, fields: set[str]) -> dict[str, list[str]]:
        """Return all values of each field. A field with too many values is left out."""
        missing = sorted(name for name in fields if not self._is_kept(uid, name))
        if missing:
            answer = await self.wire.post(f"/indexes/{uid}/search", {"q": "", "limit": 0, "facets": missing})
            if len(self._kept) > 64:
                self._kept.clear()
            for name in missing:
                values = answer["facetDistribution"].get(name, {})
                complete = [unescape(value) for value in values] if len(values) < MAX_COUNTED else None
                self._kept[uid, name] = (self.clock(), complete)
        found = {name: self._kept[uid, name][1] for name in fields}
        return {name: values for name, values in found.items() if values is not None}

    def _is_kept(self, uid: str, name: str) -> bool:
        kept = self._kept.get((uid, name))
        return kept is not None and self.clock() - kept[0] <= KEPT_SECONDS
