"""Creates Meilisearch keys with the least rights that the two processes need."""

from dataclasses import dataclass

import httpx2
from meilisearch_python_sdk.errors import MeilisearchError
from meilisearch_python_sdk.models.client import KeyCreate

from regdex.errors import Unavailable
from regdex.search.meilisearch.wire import Wire

SEARCHING = ("search",)
# `search` reads the pointer; `indexes.get` and `stats.get` detect a lost index. `version` is missing,
# because it cannot be limited to some indexes; an engine that is too old rejects the settings.
PUBLISHING = (
    "search",
    "documents.add",
    "documents.get",
    "documents.delete",
    "indexes.create",
    "indexes.get",
    "indexes.delete",
    "settings.get",
    "settings.update",
    "stats.get",
    "tasks.get",
    "tasks.cancel",
    "tasks.delete",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """`serve` may only search, `index` may also write; both only in the indexes of one deployment."""

    serve: str
    index: str


async def make_keys(url: str, admin_key: str, *, index: str) -> Keys:
    """Create keys with `admin_key`. Older keys stay valid until they are deleted. Raise Unavailable on failure."""
    wire = Wire(url, admin_key)
    try:
        return Keys(
            serve=await _make(wire, f"regdex serve {index}", SEARCHING, index),
            index=await _make(wire, f"regdex index {index}", PUBLISHING, index),
        )
    finally:
        await wire.close()


async def _make(wire: Wire, name: str, actions: tuple[str, ...], index: str) -> str:
    wanted = KeyCreate(name=name, description=name, actions=list(actions), indexes=[index, f"{index}_*"])
    try:
        return (await wire.client.create_key(wanted)).key
    except (MeilisearchError, httpx2.HTTPError) as error:
        raise Unavailable(
            f"Meilisearch did not create the keys: {getattr(error, 'code', '') or type(error).__name__}"
        ) from error
