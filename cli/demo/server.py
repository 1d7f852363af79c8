"""The HTTP API of the demo registry: the OCI specification, with the catalog, errors and events of Distribution."""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from cli.demo.content import DIGEST, NAME, TAG, Content, Manifest, Refused
from cli.demo.images import INDEX, digest_of
from cli.demo.notifications import Notifications
from cli.demo.requests import accepts, describe, page
from cli.demo.uploads import Uploads

BLOB = "application/octet-stream"
MAX_MANIFEST_BYTES = 4 * 1024 * 1024

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(content: Content, notifications: Notifications) -> web.Application:
    """Return a registry that serves `content` and sends events to `notifications`. Every request is allowed."""
    app = web.Application(middlewares=[_answer_errors], client_max_size=MAX_MANIFEST_BYTES)
    server = _Server(content, notifications)
    name = "/v2/{name:.+}"
    upload = name + "/blobs/uploads/{upload}"
    app.add_routes(
        [
            web.get("/v2/", server.check),
            web.get("/v2/_catalog", server.list_repositories),
            web.get(name + "/tags/list", server.list_tags),
            web.get(name + "/referrers/{digest}", server.list_referrers),
            web.get(name + "/manifests/{reference}", server.get_manifest),
            web.put(name + "/manifests/{reference}", server.put_manifest),
            web.delete(name + "/manifests/{reference}", server.delete_manifest),
            web.post(name + "/blobs/uploads/", server.start_upload),
            web.get(upload, server.get_upload),
            web.patch(upload, server.append_upload),
            web.put(upload, server.finish_upload),
            web.delete(upload, server.cancel_upload),
            web.get(name + "/blobs/{digest}", server.get_blob),
            web.delete(name + "/blobs/{digest}", server.delete_blob),
        ]
    )
    return app


@web.middleware
async def _answer_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        if "name" in request.match_info and not NAME.fullmatch(request.match_info["name"]):
            raise Refused(400, "NAME_INVALID", "invalid repository name")
        response = await handler(request)
    except Refused as error:
        response = _error(error.status, error.code, error.message)
    except web.HTTPException as error:
        code = "SIZE_INVALID" if error.status == 413 else "UNSUPPORTED"
        response = _error(error.status, code, error.reason)
    response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    return response


def _error(status: int, code: str, message: str) -> web.Response:
    return _json({"errors": [{"code": code, "message": message, "detail": None}]}, status=status)


def _json(
    value: object, *, status: int = 200, headers: dict[str, str] | None = None, media_type: str = "application/json"
) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type=media_type, headers=headers)


class _Server:
    def __init__(self, content: Content, notifications: Notifications) -> None:
        self._content = content
        self._notifications = notifications
        self._uploads = Uploads()

    async def check(self, request: web.Request) -> web.Response:
        return _json({})

    async def list_repositories(self, request: web.Request) -> web.Response:
        names, headers = page(request, sorted(self._content.repositories))
        return _json({"repositories": names}, headers=headers)

    async def list_tags(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        tags, headers = page(request, sorted(self._content.repository(name).tags))
        return _json({"name": name, "tags": tags}, headers=headers)

    async def list_referrers(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        if not DIGEST.fullmatch(digest):
            raise Refused(400, "DIGEST_INVALID", "invalid digest")
        found = self._content.referrers(request.match_info["name"], digest)
        headers = {}
        if wanted := request.query.get("artifactType"):
            found = [manifest for manifest in found if manifest.artifact_type == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        descriptors = [
            {
                "mediaType": manifest.media_type,
                "digest": manifest.digest,
                "size": len(manifest.body),
                "artifactType": manifest.artifact_type,
                "annotations": manifest.annotations,
            }
            for manifest in found
        ]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}
        return _json(index, headers=headers, media_type=INDEX)

    async def get_manifest(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        manifest = self._content.manifest(request.match_info["name"], reference)
        if not accepts(request, manifest.media_type):
            raise Refused(404, "MANIFEST_UNKNOWN", f"{manifest.media_type} found, but the accept header lacks it")
        headers = {"Docker-Content-Digest": manifest.digest, "ETag": f'"{manifest.digest}"'}
        if request.headers.get("If-None-Match", "").strip('"') == manifest.digest:
            return web.Response(status=304, headers=headers)
        self._announce_manifest("pull", request, manifest)
        return web.Response(body=manifest.body, content_type=manifest.media_type, headers=headers)

    async def put_manifest(self, request: web.Request) -> web.Response:
        name, reference = request.match_info["name"], request.match_info["reference"]
        body = await request.read()
        manifest = self._content.put_manifest(name, reference, request.content_type, body)
        self._announce_manifest("push", request, manifest)
        headers = {
            "Location": str(request.url.origin().with_path(f"/v2/{name}/manifests/{manifest.digest}")),
            "Docker-Content-Digest": manifest.digest,
        }
        if manifest.subject:
            headers["OCI-Subject"] = manifest.subject
        return web.Response(status=201, headers=headers)

    async def delete_manifest(self, request: web.Request) -> web.Response:
        """Delete a tag, or a manifest with its tags. An event is sent for each of them."""
        name, reference = request.match_info["name"], request.match_info["reference"]
        if DIGEST.fullmatch(reference):
            tags = self._content.delete_manifest(name, reference)
            self._announce("delete", request, {"mediaType": "", "digest": reference, "size": 0, "repository": name})
        else:
            self._content.delete_tag(name, reference)
            tags = [reference]
        for tag in tags:
            target: dict[str, object] = {"mediaType": "", "digest": "", "size": 0, "repository": name, "tag": tag}
            self._announce("delete", request, target)
        return web.Response(status=202)

    async def get_blob(self, request: web.Request) -> web.Response:
        name, digest = request.match_info["name"], request.match_info["digest"]
        content = self._content.blob(name, digest)
        self._announce_blob("pull", request, digest, len(content))
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Cache-Control": "max-age=31536000"}
        return web.Response(body=content, content_type=BLOB, headers=headers)

    async def delete_blob(self, request: web.Request) -> web.Response:
        self._content.delete_blob(request.match_info["name"], request.match_info["digest"])
        return web.Response(status=202)

    async def start_upload(self, request: web.Request) -> web.Response:
        """Mount a blob, store a whole blob, or open an upload."""
        name = request.match_info["name"]
        mounted, source = request.query.get("mount", ""), request.query.get("from", "")
        if mounted and source in self._content.repositories and mounted in self._content.repositories[source].blobs:
            self._content.mount_blob(name, mounted)
            size = len(self._content.blob(name, mounted))
            self._announce_blob("mount", request, mounted, size, fromRepository=source)
            return _created(name, mounted)
        identity = self._uploads.start(name)
        if "digest" in request.query:
            await self._uploads.append(name, identity, request.content)
            return self._finish(request, identity)
        return self._progress(name, identity, 202)

    async def get_upload(self, request: web.Request) -> web.Response:
        return self._progress(request.match_info["name"], request.match_info["upload"], 204)

    async def append_upload(self, request: web.Request) -> web.Response:
        name, identity = request.match_info["name"], request.match_info["upload"]
        await self._uploads.append(name, identity, request.content, request.headers.get("Content-Range", ""))
        return self._progress(name, identity, 202)

    async def finish_upload(self, request: web.Request) -> web.Response:
        name, identity = request.match_info["name"], request.match_info["upload"]
        await self._uploads.append(name, identity, request.content)
        return self._finish(request, identity)

    async def cancel_upload(self, request: web.Request) -> web.Response:
        self._uploads.close(request.match_info["name"], request.match_info["upload"])
        return web.Response(status=204)

    def _finish(self, request: web.Request, identity: str) -> web.Response:
        name, digest = request.match_info["name"], request.query.get("digest", "")
        content = self._uploads.close(name, identity)
        if digest_of(content) != digest:
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self._content.put_blob(name, content)
        self._announce_blob("push", request, digest, len(content))
        return _created(name, digest)

    def _progress(self, name: str, identity: str, status: int) -> web.Response:
        size = self._uploads.size_bytes(name, identity)
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{identity}",
            "Docker-Upload-UUID": identity,
            "Range": f"0-{max(size - 1, 0)}",
        }
        return web.Response(status=status, headers=headers)

    def _announce_manifest(self, action: str, request: web.Request, manifest: Manifest) -> None:
        reference = request.match_info["reference"]
        target = _target(request, manifest.media_type, manifest.digest, len(manifest.body), "manifests")
        if TAG.fullmatch(reference):
            target["tag"] = reference
        self._announce(action, request, target)

    def _announce_blob(self, action: str, request: web.Request, digest: str, size: int, **more: str) -> None:
        self._announce(action, request, {**_target(request, BLOB, digest, size, "blobs"), **more})

    def _announce(self, action: str, request: web.Request, target: dict[str, object]) -> None:
        self._notifications.announce(action, target, describe(request))


def _target(request: web.Request, media_type: str, digest: str, size: int, kind: str) -> dict[str, object]:
    name = request.match_info["name"]
    return {
        "mediaType": media_type,
        "digest": digest,
        "size": size,
        "length": size,
        "repository": name,
        "url": f"{request.scheme}://{request.host}/v2/{name}/{kind}/{digest}",
    }


def _created(name: str, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)
