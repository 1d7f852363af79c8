"""The pointer to the current index: one document, in an index of its own that is named by `search.index`.

    regdex                 one document, `current`: the uid and the fingerprint of the current index
    regdex_<index id>      an index of documents

Replacing the pointer switches to another index. It is one write, and the pointer also has the fingerprint. The engine's
own swap exchanges two names, with their tasks and settings: if a process were killed between that and the deletion of
the old index, nothing would show which of the two is the old one.
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
    """The current index. `layout` and `facet_labels` are those with which its documents were made."""

    uid: str
    fingerprint: Fingerprint
    layout: int = LAYOUT
    facet_labels: tuple[str, ...] = ()

    def counts(self, facet: str) -> bool:
        """Return whether the index can count by this facet."""
        return not facet.startswith(LABEL_FACET) or facet.removeprefix(LABEL_FACET) in self.facet_labels

    def document(self) -> dict[str, Any]:
        return {"id": ID, **asdict(self)}


async def read_pointer(wire: Wire, index: str) -> Pointer | None:
    """Read the pointer by a search, for which a search key suffices. Return None if it is missing or unreadable."""
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
    """Return whether `uid` has the form of this deployment's indexes. No other index is ever deleted."""
    return re.fullmatch(re.escape(index) + r"_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uid) is not None
