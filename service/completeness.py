"""The subjects (pushes, deletes, pulls) that each operation's answer depends on. A gap of one makes it incomplete."""

from typing import Any

from regdex.store.catalog.gaps import Subject
from regdex.store.catalog.registries import Spoken

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
    """Return the response fields `indexed_through` and `complete`, from a row that has both columns."""
    return {"indexed_through": row["indexed_through"], "complete": row["complete"]}


def spoken_of(request: Any) -> Spoken:
    """Return what an answer depends on: subjects, a tag or a digest (None is all tags), and a range of time.

    A missing time means now; a history without `since` starts when the tag was first seen.
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
