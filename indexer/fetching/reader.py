"""Reads a manifest and the manifests below it from a registry, and stores them.

Reads the manifest, its config, the children of an index three levels deep, and its referrers where the registry has the
referrers API. Without the API referrers are listed by fallback tags, which are read like other tags. Stored content is
not fetched again. A child that the registry does not have is recorded as absent.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from indexer import manifest as content
from indexer.fetching.contents import refused, write_contents
from indexer.manifest import Content, Rejected
from indexer.registry.answered import Answered
from indexer.registry.client import PASSING, TRANSIENT, Fetched, Missing, NotAsked, NotThere, RegistryClient
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.content import manifests

MAX_DEPTH = 3
MAX_MANIFESTS = 512  # in one tree; a hostile tree could have millions


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of a read: which manifests are in the repository, the requested one first, and how many were fetched.

    `absent` are children that the registry answered 404 for, with that answer's times. With `has_more_referrers` not
    all referrers of the manifest were read: there are too many for one tree, or their list has no readable end, or was
    not sent this time. `referrers_error` is why they could not be listed.
    """

    present: tuple[Digest, ...]
    absent: Mapping[Digest, Answered]
    fetched_count: int
    answered: Answered
    has_more_referrers: bool
    referrers_error: RegistryError | None = None


@dataclass(slots=True)
class _Tree:
    """The state of a read; `contents` has children before the index that lists them.

    With `alone` nothing below the manifest is read.
    """

    client: RegistryClient
    db: Pool
    registry_id: int
    repository: str
    alone: bool = False
    seen: set[Digest] = field(default_factory=set)
    present: dict[Digest, None] = field(default_factory=dict)
    absent: dict[Digest, Answered] = field(default_factory=dict)
    contents: list[Content] = field(default_factory=list)
    fetched_count: int = 0
    has_more_referrers: bool = False
    referrers_error: RegistryError | None = None


async def fetch(
    db: Pool, client: RegistryClient, registry_id: int, repository: str, digest: Digest, *, alone: bool = False
) -> Stored:
    """Read and store `digest`; RegistryError where the registry does not send it.

    With `alone` children and referrers are not read: a pull-through cache would get them from upstream. Its events
    report each child that is pulled.
    """
    fetched = await client.get_manifest(repository, str(digest))
    return await store_fetched(db, client, registry_id, repository, fetched, alone=alone)


async def store_fetched(
    db: Pool,
    client: RegistryClient,
    registry_id: int,
    repository: str,
    fetched: Fetched,
    *,
    alone: bool = False,
    lists_referrers: bool = True,
) -> Stored:
    """Read the manifests below `fetched` and store everything; invalid documents are stored as `rejected`.

    After a passing problem, also with a child or a config, raises RegistryError; what was read is stored then, too. A
    list of referrers that the registry does not send prevents nothing else.
    """
    tree = _Tree(client, db, registry_id, repository, alone, seen={fetched.digest})
    try:
        top = await _read(tree, fetched, depth=0)
    except RegistryError:
        await write_contents(db, tree.contents)
        raise
    is_image = top.state in ("complete", "incomplete") and top.subject is None
    if is_image and not alone and lists_referrers and client.referrers_supported is not False:
        await _read_referrers(tree, fetched.digest)
    await write_contents(db, tree.contents)
    present = tuple(dict.fromkeys([fetched.digest, *tree.present]))
    return Stored(
        present, tree.absent, tree.fetched_count, fetched.answered, tree.has_more_referrers, tree.referrers_error
    )


async def _read(tree: _Tree, fetched: Fetched, depth: int) -> Content:
    tree.fetched_count += 1
    tree.present[fetched.digest] = None
    try:
        parsed = content.parse_manifest(fetched.content, fetched.digest, fetched.media_type)
    except Rejected as error:
        parsed = replace(refused(fetched.digest, error.problem), size_bytes=len(fetched.content))
    try:
        if parsed.config is not None and parsed.wants_config:
            parsed = await _read_config(tree, parsed, parsed.config)
        if parsed.children and depth < MAX_DEPTH and not tree.alone:
            await _read_all(tree, (child.digest for child in parsed.children), depth + 1)
    except RegistryError as error:
        if parsed.config is not None:
            parsed = content.without_config(parsed, f"config_{error.problem}")
        tree.contents.append(parsed)
        raise
    tree.contents.append(parsed)
    return parsed


async def _read_config(tree: _Tree, parsed: Content, config: content.Config) -> Content:
    if config.size_bytes > content.MAX_CONFIG_BYTES:
        return replace(content.without_config(parsed, "config_too_large"), truncated=True)
    try:
        body = await tree.client.get_blob(tree.repository, config.digest, max_bytes=config.size_bytes)
    except RegistryError as error:
        if error.problem in PASSING:
            error.about("the blob of its config")
            raise
        return content.without_config(parsed, f"config_{error.problem}")
    return content.with_config(parsed, body)


async def _read_all(tree: _Tree, digests: Iterable[Digest], depth: int) -> None:
    """Read children or referrers concurrently; stored ones are only checked for presence in the repository."""
    unseen = [digest for digest in dict.fromkeys(digests) if digest not in tree.seen]
    unseen = unseen[: max(MAX_MANIFESTS - len(tree.seen), 0)]
    tree.seen.update(unseen)
    known = await manifests.list_known(tree.db, unseen)
    present = await manifests.list_present(tree.db, tree.registry_id, tree.repository, list(known))
    tree.present |= dict.fromkeys(digest for digest in unseen if digest in present)
    wanted = [digest for digest in unseen if digest not in present]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_read_one(tree, digest, digest in known, depth)) for digest in wanted]
    for task in tasks:
        if (error := task.result()) is not None:
            raise error


async def _read_one(tree: _Tree, digest: Digest, is_known: bool, depth: int) -> RegistryError | None:
    """Read one child; return a passing error instead of raising it, so that the other children are read first.

    A child is absent where GET answers 404.
    """
    try:
        if not is_known:
            await _read(tree, await tree.client.get_manifest(tree.repository, str(digest)), depth)
            return None
        answer = await tree.client.resolve(tree.repository, str(digest), (digest,))
        if isinstance(answer, Missing):
            tree.absent[digest] = answer.answered
        else:
            tree.present[digest] = None
    except NotThere as error:
        tree.absent[digest] = error.answered
    except RegistryError as error:
        if error.problem in PASSING:
            return error
        if not is_known:
            tree.contents.append(refused(digest, error.problem))
    return None


async def _read_referrers(tree: _Tree, digest: Digest) -> None:
    supported = tree.client.referrers_supported
    try:
        referrers = await tree.client.referrers(tree.repository, digest)
    except NotAsked:
        raise
    except RegistryError as error:
        tree.has_more_referrers = error.problem == "too_large" or error.problem in TRANSIENT
        tree.referrers_error = error
        return
    if referrers.supported is not supported:
        await manifests.set_referrers_supported(tree.db, tree.registry_id, referrers.supported)
    await _read_all(tree, referrers.digests, 1)
    tree.has_more_referrers = bool(referrers.problem) or not tree.seen.issuperset(referrers.digests)
