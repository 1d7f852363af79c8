"""Parts of a search that PostgreSQL answers: repositories with a digest, matching tags of hits, and sightings."""

from collections.abc import Sequence
from datetime import datetime

from regdex.database import Database
from regdex.digest import ALGORITHMS
from regdex.glob import Glob
from regdex.search import Document, Found, Query, tokens
from regdex.search.language.query import TextFilter
from regdex.search.selection import select
from regdex.store.search.documents import read_documents
from regdex.store.search.matches import list_holders, list_matching_tags, list_sightings
from service.caller import Caller


async def find_digest(db: Database, caller: Caller, query: Query, digest: str) -> tuple[Found, dict[int, str]]:
    """Return the repositories that match `query` and have a digest with this prefix, and the full digest of each.

    `digest` is `Parsed.digest`. The other words of the query must be in `registry/repository`.
    """
    algorithm, _, prefix = digest.rpartition(":")
    rows = await list_holders(db, caller.projects, prefix=prefix, algorithm=ALGORITHMS.get(algorithm))
    digests = {row["repository_id"]: row["digest"] for row in rows}
    documents = {document.id: document for document in await read_documents(db, list(digests))}
    beside = (word for word in query.text.split() if word != digest)
    words = [word.text for word in tokens.split(" ".join(beside))]
    named = (documents[id] for id in digests if id in documents and _is_named(documents[id], words))
    return select(named, query), digests


async def find_tags(db: Database, documents: Sequence[Document], query: Query) -> dict[int, list[str]]:
    """Return, by repository id, the tags that match the query's tag filters, newest first; {} without filters."""
    asked = [f for f in query.filters if isinstance(f, TextFilter) and f.field == "tag" and not f.is_negated]
    likes = [Glob.of(pattern.text).pattern for condition in asked for pattern in condition.patterns]
    found: dict[int, list[str]] = {}
    if likes and documents:
        for row in await list_matching_tags(db, [document.id for document in documents], likes):
            found.setdefault(row["repository_id"], []).append(row["tag"])
    return found


async def find_sightings(db: Database, documents: Sequence[Document]) -> dict[int, datetime]:
    """Return, by repository id, the time before which it was pushed, for repositories without a known push."""
    ids = [document.id for document in documents if document.pushed_at is None]
    return await list_sightings(db, ids) if ids else {}


def _is_named(document: Document, words: Sequence[str]) -> bool:
    name = tokens.fold(f"{document.registry}/{document.repository}")
    return all(word in name for word in words)
