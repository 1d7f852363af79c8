"""Use case of digests: find a digest in all registries."""

from typing import Any

from regdex.database import Database
from regdex.digest import Digest, Pasted, hash_range, read_pasted
from regdex.errors import InvalidArgument, NotFound
from regdex.store.content import lookups
from service.caller import Caller
from service.catalog.repositories import Answer
from service.context import Context
from service.models.manifests import LookupDigestRequest
from service.paging import read_page

_MIN_DIGITS = 12
_KEYS = ("key_kind", "key_manifest", "key_repository")
_AT_ONCE = 20


async def lookup_digest(context: Context, caller: Caller, request: LookupDigestRequest) -> Answer:
    """Find where a digest, or every digest with a given prefix, occurs in all registries.

    Raise NotFound when the caller may see none of these places.
    """
    db = context.db
    page = read_page("LookupDigest", caller, request, bytes, int, int, int, int)
    hash, algorithm, *place = page.after or (b"", 0, 0, 0, 0)
    pasted = read_pasted(request.digest)
    if pasted is None or len(pasted.digits) < _MIN_DIGITS:
        raise InvalidArgument(
            f"digest: expected sha256:<64 hex digits>, name@sha256:… or at least {_MIN_DIGITS} hex digits; "
            f"got {request.digest[:80]!r}"
        )
    if pasted.digest is not None and pasted.algorithm:
        found = await _places(db, caller, pasted.digest, place, page.limit)
    else:
        found = await _search(db, caller, pasted, (hash, algorithm), place, page.limit)
    shown, token = page.cut(found, lambda item: item[0])
    if not shown and page.after is None:
        raise NotFound("no such digest, or not visible to this key")
    return {"matches": [match for _, match in shown], "next_page_token": token}


async def _search(
    db: Database, caller: Caller, pasted: Pasted, after: tuple[bytes, int], place: list[int], limit: int
) -> list[Any]:
    """Return what `_places` returns, for every digest that begins with the pasted digits."""
    first, last = hash_range(pasted.digits)
    algorithm = pasted.algorithm_number
    found: list[Any] = []
    while True:
        digests = [
            Digest(row["algorithm"], row["hash"])
            for row in await lookups.list_digests(
                db, first=first, last=last, algorithm=algorithm, after=after, limit=_AT_ONCE
            )
        ]
        for digest in digests:
            begins_here = (digest.hash, digest.algorithm) == after
            found += await _places(db, caller, digest, place if begins_here else [0, 0, 0], limit - len(found))
            if len(found) == limit:
                return found
        if len(digests) < _AT_ONCE:
            return found
        after, place = (digests[-1].hash, digests[-1].algorithm + 1), [0, 0, 0]


async def _places(db: Database, caller: Caller, digest: Digest, place: list[int], limit: int) -> list[Any]:
    """Return the page key and the match of up to `limit` places of one digest after `place`."""
    kind, manifest, repository = place
    rows = await lookups.list_places(
        db,
        caller.projects,
        algorithm=digest.algorithm,
        hash=digest.hash,
        after=(kind, manifest, repository),
        limit=limit,
    )
    found = []
    for row in rows:
        match = dict(row)
        found.append(((digest.hash, digest.algorithm, *(match.pop(key) for key in _KEYS)), match))
    return found
