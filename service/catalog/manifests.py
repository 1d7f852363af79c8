"""Use cases of manifests: get one with its content, and list its referrers."""

from datetime import datetime
from typing import Any

from regdex.digest import Digest
from regdex.errors import NotFound
from regdex.store.content import manifest_details, referrers
from service.caller import Caller
from service.catalog.repositories import Answer, find_repository_id
from service.completeness import SUBJECTS
from service.context import Context
from service.etags import Stamp, Stamped
from service.models.manifests import GetManifestRequest, ListReferrersRequest
from service.paging import read_page

NO_MANIFEST = "no such manifest, or not visible to this key"
_PLATFORM = ("os", "architecture", "variant", "os_version")


async def get_manifest(context: Context, caller: Caller, request: GetManifestRequest) -> Stamped:
    """Return a manifest or an index, even if it was deleted (`present` is then false).

    The digest of a config, which is an image's ID, selects the manifest in the repository that has this config.
    """
    db = context.db
    place = (caller.projects, request.registry, request.repository)
    digest, subjects = Digest.parse(request.digest), SUBJECTS["GetManifest"]
    row = await manifest_details.get_manifest(db, *place, digest, subjects)
    if row is None and (found := await manifest_details.find_by_config(db, *place, digest)):
        row = await manifest_details.get_manifest(db, *place, found, subjects)
    if row is None:
        raise NotFound(NO_MANIFEST)
    layers: list[Any] = []
    children: list[Any] = []
    if row["is_index"]:
        children = await manifest_details.list_children(db, row["repository_id"], row["digest_id"])
    elif row["state"] != "pending":
        layers = await manifest_details.list_layers(db, row["digest_id"])
    content = {
        "registry": request.registry,
        "repository": request.repository,
        "digest": row["digest"],
        "media_type": row["media_type"],
        "artifact_type": row["artifact_type"],
        "size_bytes": row["size_bytes"],
        "total_size_bytes": row["total_size_bytes"],
        "config": _config(row) if row["config_digest"] else None,
        "platform": _platform(row) if row["config_digest"] else None,
        "created_at": row["created_at"],
        "labels": row["labels"],
        "annotations": row["annotations"],
        "subject": row["subject"] or "",
        "layers": [dict(layer) for layer in layers],
        "manifests": [_descriptor(child, platform=_platform(child), missing=child["missing"]) for child in children],
        "history": [_step(step) for step in row["history"]],
        "tags": row["tags"],
        "state": row["state"],
        "problem": row["problem"],
        "truncated": row["truncated"],
        "present": row["present"],
        "first_seen_at": row["first_seen_at"],
        "last_seen_at": row["last_seen_at"],
    }
    return Stamped(content, Stamp.of(row))


def _config(row: Any) -> dict[str, Any]:
    own = {name: row[f"config_{name}"] for name in ("media_type", "digest", "size_bytes")}
    return _descriptor(own | {"artifact_type": "", "annotations": {}})


def _platform(row: Any) -> dict[str, str] | None:
    return {name: row[name] for name in _PLATFORM} if row["os"] else None


def _descriptor(row: Any, *, platform: dict[str, str] | None = None, missing: bool = False) -> dict[str, Any]:
    return {
        "media_type": row["media_type"],
        "digest": row["digest"],
        "size_bytes": row["size_bytes"],
        "artifact_type": row["artifact_type"],
        "platform": platform,
        "annotations": row["annotations"],
        "missing": missing,
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """Convert a step from its stored JSON, where `created_at` is text."""
    created_at = step.get("created_at")
    return {
        "created_at": datetime.fromisoformat(created_at) if created_at else None,
        "created_by": step.get("created_by", ""),
        "comment": step.get("comment", ""),
        "empty_layer": step.get("empty_layer", False),
    }


async def list_referrers(context: Context, caller: Caller, request: ListReferrersRequest) -> Answer:
    """List the referrers of a digest in a repository.

    The list is empty for an unknown digest, because referrers may be pushed before their subject.
    """
    db = context.db
    page = read_page("ListReferrers", caller, request, bytes, int)
    digest = Digest.parse(request.digest)
    repository_id = await find_repository_id(db, caller, request.registry, request.repository)
    rows = await referrers.list_referrers(
        db,
        repository_id,
        algorithm=digest.algorithm,
        hash=digest.hash,
        artifact_type=request.artifact_type,
        after=page.after or (b"", 0),
        limit=page.limit,
    )
    rows, token = page.cut(rows, lambda row: (row["key_hash"], row["key_algorithm"]))
    return {
        "referrers": [_descriptor(row) for row in rows],
        "next_page_token": token,
    }
