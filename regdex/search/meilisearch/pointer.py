"""Which index answers: one document in an index of its own, `search.index`, names it.

    regdex                 one document, `current`: the uid of the index that answers, and its fingerprint
    regdex_<index id>      an index, filled and then left as it is but for what is published

Replacing that document is the swap. It is one write, and it says of what database and of which words an index is. The
engine's own swap exchanges two names, and with them tasks and settings: killed between it and the deletion of the old
index, nothing would tell which of the two is the old one.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

from regdex.search import Fingerprint
from regdex.search.language.query import LABEL_FACET
from regdex.search.meilisearch.layout import LAYOUT
from regdex.search.meilisearch.wire import Refusal, Wire

ID = "current"


@dataclass(frozen=True, slots=True)
class Pointer:
    """`layout` and `facet_labels` are how the documents of the index were made."""

    uid: str
    fingerprint: Fingerprint
    layout: int = LAYOUT
    facet_labels: tuple[str, ...] = ()

    def counts(self, facet: str) -> bool:
        """Whether the index can count by this."""
        return not facet.startswith(LABEL_FACET) or facet.removeprefix(LABEL_FACET) in self.facet_labels

    def document(self) -> dict[str, Any]:
        return {"id": ID, **asdict(self)}


async def read_pointer(wire: Wire, index: str) -> Pointer | None:
    """None when there is none, or none that we can read. By a search, so that a key for searches suffices."""
    try:
        answer = await wire.post(f"/indexes/{index}/search", {"q": "", "limit": 1})
    except Refusal as refusal:
        if refusal.refusal == "index_not_found":
            return None
        raise
    try:
        found = answer["hits"][0]
        uid = str(found["uid"])
        fingerprint = Fingerprint(**found["fingerprint"])
        pointer = Pointer(uid, fingerprint, int(found["layout"]), tuple(found["facet_labels"]))
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return pointer if is_ours(index, uid) else None


def uid_of(index: str, fingerprint: Fingerprint) -> str:
    return f"{index}_{fingerprint.index_id}"


def is_ours(index: str, uid: str) -> bool:
    """Whether an index is one that a pointer of `index` can name; no other is ever deleted."""
    return re.fullmatch(re.escape(index) + r"_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uid) is not None
