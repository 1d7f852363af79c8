"""Use case of references: resolve `host/repository:tag` to a digest, now or at a past time."""

from datetime import datetime
from typing import Any

from regdex.database import Database
from regdex.digest import Digest
from regdex.errors import InvalidArgument, NotFound, Unavailable
from regdex.reference import Reference
from regdex.store.catalog import registries, repositories, tags
from regdex.store.content import manifest_details
from service.caller import Caller
from service.catalog.as_of import describe_tags, entry_at, is_present_at, read_entries
from service.catalog.platforms import Platform, pick
from service.catalog.repositories import Answer
from service.completeness import spoken_of, watermark_of
from service.context import Context
from service.models.tags import ResolveReferenceRequest

NO_REFERENCE = "no such image, or not visible to this key"


async def resolve_reference(context: Context, caller: Caller, request: ResolveReferenceRequest) -> Answer:
    """Resolve an image reference to a digest, now or at a past time.

    A reference with a digest is checked for presence in the repository.
    """
    db = context.db
    reference = Reference.parse_pasted(request.reference)
    if not reference.host:
        raise InvalidArgument(
            "reference: must begin with the host of a registry, such as harbor.example.com/team/app:1.4"
        )
    platform = Platform.parse(request.platform) if request.platform else None
    registry = await registries.find_registry_of_host(db, reference.host.lower())
    spoken = spoken_of(request)._replace(reference=reference.digest or reference.tag or "latest")
    place = registry and await repositories.find_repository(db, caller.projects, registry, reference.repository, spoken)
    if not registry or not place:
        raise NotFound(NO_REFERENCE)
    if reference.digest:
        found = await _by_digest(db, caller, registry, place["id"], reference, request)
    else:
        found = await _by_tag(db, caller, registry, place["id"], reference, request)
    platform_digest = await _for_platform(db, place["id"], found, platform, request.as_of) if platform else ""
    return {
        "registry": registry,
        "repository": reference.repository,
        "tag": found["tag"],
        "digest": found["digest"],
        "media_type": found["media_type"],
        "platform_digest": platform_digest,
        "pushed_at": found["pushed_at"],
        "exact": found["exact"],
        "not_before": found["not_before"],
        "first_seen_at": found["first_seen_at"],
        "pinned": f"{reference.host}/{reference.repository}@{found['digest']}",
        **watermark_of(place),
    }


async def _by_digest(
    db: Database,
    caller: Caller,
    registry: str,
    repository_id: int,
    reference: Reference,
    request: ResolveReferenceRequest,
) -> dict[str, Any]:
    """Resolve by digest. A tag beside the digest is returned unchecked, as container tools do.

    An image's ID, which is the digest of its config, selects the manifest that has this config.
    """
    digest = Digest.parse(reference.digest)
    row = await manifest_details.find_manifest(db, repository_id, digest)
    place = (caller.projects, registry, reference.repository)
    if row is None and (found := await manifest_details.find_by_config(db, *place, digest)):
        digest, row = found, await manifest_details.find_manifest(db, repository_id, found)
    if row is None:
        raise NotFound(NO_REFERENCE)
    if request.as_of is None:
        present = row["present"]
    else:
        present = await is_present_at(db, repository_id, row["digest_id"], request.as_of)
    if not present:
        raise NotFound(NO_REFERENCE)
    return {
        "tag": reference.tag,
        "digest": str(digest),
        "digest_id": row["digest_id"],
        "media_type": row["media_type"],
        "pushed_at": None,
        "exact": False,
        "not_before": None,
        "first_seen_at": None,
    }


async def _by_tag(
    db: Database,
    caller: Caller,
    registry: str,
    repository_id: int,
    reference: Reference,
    request: ResolveReferenceRequest,
) -> dict[str, Any]:
    name = reference.tag or "latest"
    if request.as_of is None:
        row = await tags.get_tag(db, caller.projects, registry, reference.repository, name, spoken_of(request).subjects)
        if row is None:
            raise NotFound(NO_REFERENCE)
        return dict(row)
    history = await read_entries(db, repository_id, [name])
    entry = entry_at(history.get(name, ()), request.as_of)
    if entry is None:
        raise NotFound(NO_REFERENCE)
    (tag,) = await describe_tags(db, repository_id, registry, reference.repository, [(name, entry)], request.as_of)
    return {**tag, "digest_id": entry.digest_id}


async def _for_platform(
    db: Database, repository_id: int, found: dict[str, Any], platform: Platform, as_of: datetime | None
) -> str:
    facts = await manifest_details.get_platform_facts(db, found["digest_id"])
    if facts is None:
        raise Unavailable("this manifest has not been read yet; retry", retry_after_seconds=2)
    if not facts["is_index"]:
        picked = pick(platform, [facts]) and found
    else:
        children = await manifest_details.list_children(db, repository_id, found["digest_id"])
        there = [child for child in children if not await _is_missing(db, repository_id, child, as_of)]
        picked = pick(platform, there)
        if picked is None and pick(platform, children) is not None:
            raise NotFound("the index lists a manifest for this platform, but the repository does not have it")
    if picked is None:
        raise NotFound("the reference has no manifest for this platform")
    digest: str = picked["digest"]
    return digest


async def _is_missing(db: Database, repository_id: int, child: Any, as_of: datetime | None) -> bool:
    """Whether the manifest of an index entry is missing from the repository, now or at `as_of`."""
    if not child["missing"] or as_of is None:
        return bool(child["missing"])
    return not await is_present_at(db, repository_id, child["digest_id"], as_of)
