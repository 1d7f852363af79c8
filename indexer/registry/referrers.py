"""Reads the list of a manifest's referrers, page by page to its end.

Source: OCI distribution specification, "Listing Referrers".
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from indexer.registry.answered import Answered
from indexer.registry.egress import Answer
from indexer.registry.links import find_next
from indexer.registry.transport import parse_object
from regdex.digest import Digest, is_digest
from regdex.errors import RegistryError

MAX_PAGES = 100
MAX_REFERRERS = 10_000


@dataclass(frozen=True, slots=True)
class ReferrerList:
    """Digests without repeats, in the registry's order. `problem` says why there may be more; empty: it is whole."""

    digests: tuple[Digest, ...]
    answered: Answered
    problem: str = ""


async def list_referrers(ask: Callable[[str], Awaitable[Answer]], path: str) -> ReferrerList:
    """Read the list at `path` until a page has no Link to a next one; `ask` requests a query.

    Raises RegistryError where a page cannot be read or is no list of referrers.
    """
    found: dict[Digest, None] = {}
    query = ""
    for _ in range(MAX_PAGES):
        answer = await ask(query)
        known = len(found)
        found |= dict.fromkeys(_read_digests(answer))
        link = find_next(answer.headers.getall("Link", ()), path)
        if len(found) > MAX_REFERRERS:
            return ReferrerList(tuple(found)[:MAX_REFERRERS], answer.answered, f"more than {MAX_REFERRERS} referrers")
        if link is None:
            return ReferrerList(tuple(found), answer.answered)
        if link.problem:
            return ReferrerList(tuple(found), answer.answered, link.problem)
        if len(found) == known:
            return ReferrerList(tuple(found), answer.answered, "a page of referrers has a Link and nothing new")
        query = link.cursor
    return ReferrerList(tuple(found), answer.answered, f"more than {MAX_PAGES} pages of referrers")


def _read_digests(answer: Answer) -> list[Digest]:
    manifests = parse_object(answer).get("manifests")
    if not isinstance(manifests, list | None):
        raise RegistryError("unexpected_content", "manifests is not a list")
    texts = [entry.get("digest") for entry in manifests or () if isinstance(entry, dict)]
    return [Digest.parse(text) for text in texts if isinstance(text, str) and is_digest(text)]
