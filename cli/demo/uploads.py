"""Blob uploads in progress: opened by POST, filled by PATCH, closed by PUT."""

import uuid

from aiohttp import StreamReader

from cli.demo.content import MAX_BLOB_BYTES, Refused

MAX_OPEN = 256


class Uploads:
    """All open uploads. The oldest is dropped when more than `MAX_OPEN` are open."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, bytearray]] = {}

    def start(self, name: str) -> str:
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        identity = str(uuid.uuid4())
        self._open[identity] = (name, bytearray())
        return identity

    def size_bytes(self, name: str, identity: str) -> int:
        return len(self._find(name, identity))

    def close(self, name: str, identity: str) -> bytes:
        content = bytes(self._find(name, identity))
        del self._open[identity]
        return content

    async def append(self, name: str, identity: str, body: StreamReader, content_range: str = "") -> int:
        """Append the body and return the size so far, at which a `content_range` must begin."""
        content = self._find(name, identity)
        if content_range and content_range.partition("-")[0] != str(len(content)):
            raise Refused(416, "RANGE_INVALID", "the chunk does not begin at the end of the upload")
        async for chunk in body.iter_any():
            content += chunk
            if len(content) > MAX_BLOB_BYTES:
                del self._open[identity]
                raise Refused(413, "SIZE_INVALID", "the demo registry takes blobs of up to 64 MiB")
        return len(content)

    def _find(self, name: str, identity: str) -> bytearray:
        owner, content = self._open.get(identity, ("", bytearray()))
        if owner != name:
            raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return content
