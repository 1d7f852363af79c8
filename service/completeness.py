"""What the answer of each operation speaks of, and so what may be missing of it. The one table of subjects."""

from typing import Any

from regdex.store.catalog.gaps import Subject
from regdex.store.catalog.watermarks import Spoken

_HELD: tuple[Subject, ...] = ("moves", "deletes")
_PULLED: tuple[Subject, ...] = ("pulls",)

SUBJECTS: dict[str, tuple[Subject, ...]] = {
    "GetTag": _HELD,
    "ListTags": _HELD,
    "GetManifest": _HELD,
    "ListTagHistory": _HELD,
    "ResolveReference": _HELD,
    "SearchRepositories": _HELD,
    "GetDownloads": _PULLED,
    "ListTopRepositories": _PULLED,
}


def watermark_of(row: Any) -> dict[str, Any]:
    """The fields of a response that say how complete it is, from a row that has them."""
    return {"indexed_through": row["indexed_through"], "complete": row["complete"]}


def spoken_of(request: Any) -> Spoken:
    """What the answer to a request speaks of: subjects, a tag, a digest or (None) all tags of the repository, a time.

    A time that is not given is now; of a history it is all since the tag was first seen.
    """
    rpc = type(request).__name__.removesuffix("Request")
    as_of = getattr(request, "as_of", None)
    return Spoken(
        SUBJECTS[rpc],
        getattr(request, "tag", None) or getattr(request, "digest", None) or None,
        as_of or getattr(request, "since", None),
        as_of or getattr(request, "until", None),
        since_first_seen=rpc == "ListTagHistory",
    )
