"""The values of fields that have few, such as registries: what a glob of them means is known before it is asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from regdex.search.meilisearch.layout import MAX_COUNTED
from regdex.search.meilisearch.values import unescape
from regdex.search.meilisearch.wire import Wire

KEPT_SECONDS = 1.0


@dataclass(slots=True)
class KnownValues:
    """Kept for a second, so that what is new can be filtered by as soon as it can be found."""

    wire: Wire
    clock: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, str], tuple[float, list[str] | None]] = field(default_factory=dict)

    async def read(self, uid: str, fields: set[str]) -> dict[str, list[str]]:
        """All values of each field; a field that has too many is left out."""
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
