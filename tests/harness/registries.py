"""Real registries and real images for tests: Debian's docker-registry, and skopeo to push with.

`require_registry()` skips where the programs are missing, and fails under CI=true: there nothing may be left out.
"""

import asyncio
import gzip
import hashlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from regdex.digest import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def require_registry(*programs: str) -> None:
    """Skip the test unless docker-registry and `programs` (skopeo, podman, nginx) are here; under CI=true fail."""
    require("docker-registry", *programs)


def require(*programs: str) -> None:
    """Skip the test unless `programs` are here; under CI=true fail."""
    missing = _missing(*programs)
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def has_podman() -> bool:
    """Whether podman runs for this user; under CI=true it has to."""
    missing = _missing("podman")
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    return not missing


def _missing(*programs: str) -> list[str]:
    if "podman" in programs and os.geteuid() != 0:
        programs += ("newuidmap",)  # of the package uidmap: without it podman runs for root only
    return [program for program in programs if shutil.which(program, path=search_path()) is None]


def search_path() -> str:
    """Debian has nginx where only root looks; Go installs into a folder that need not be on PATH."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:{Path.home() / 'go' / 'bin'}"


def find_program(name: str) -> str | None:
    """Path of an optional program, such as crane; None where it is not installed."""
    return shutil.which(name, path=search_path())


def find_distribution3() -> str | None:
    """Path of a Distribution 3: the one that REGDEX_TEST_DISTRIBUTION3 names, else `registry` where that is one."""
    if named := os.environ.get("REGDEX_TEST_DISTRIBUTION3"):
        return named
    found = find_program("registry")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout if found else ""
    return found if "distribution/v3" in said else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Image:
    """A manifest or an index with all that it needs. `blobs` and `children` are by digest text."""

    content: bytes
    media_type: str
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    children: tuple["Image", ...] = ()

    @property
    def digest(self) -> str:
        return _digest(self.content)

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self.content)
        return document

    @property
    def config_digest(self) -> str:
        text: str = self.document["config"]["digest"]
        return text

    @property
    def layer_digests(self) -> list[str]:
        return [layer["digest"] for layer in self.document["layers"]]


def make_image(
    text: str = "hello",
    *,
    platform: str = "linux/amd64",
    layers: int = 2,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    subject: Image | None = None,
) -> Image:
    """A small image whose layers hold `text`: equal arguments, equal digests."""
    operating_system, architecture, *variant = platform.split("/")
    tars = [_tar(f"{number}.txt", f"{text} {number} {platform}") for number in range(layers)]
    blobs = [gzip.compress(tar, mtime=0) for tar in tars]
    config = orjson.dumps(
        {
            "created": "2026-11-01T10:00:00Z",
            "os": operating_system,
            "architecture": architecture,
            **({"variant": variant[0]} if variant else {}),
            "config": {"Env": ["SECRET=hunter2"], "Labels": dict(labels or {})},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
            "history": [{"created": "2026-11-01T10:00:00Z", "created_by": f"COPY {n}.txt /"} for n in range(layers)],
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(config, OCI_CONFIG),
        "layers": [_descriptor(blob, OCI_LAYER) for blob in blobs],
        **({"annotations": dict(annotations)} if annotations else {}),
        **({"subject": _descriptor(subject.content, subject.media_type)} if subject else {}),
    }
    return Image(orjson.dumps(manifest), OCI_MANIFEST, {_digest(blob): blob for blob in (config, *blobs)})


def make_artifact(text: str, artifact_type: str, subject: Image, layer_type: str = "application/json") -> Image:
    """A signature, an SBOM, anything that refers to `subject`."""
    blob = text.encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": _descriptor(EMPTY, EMPTY_TYPE),
        "layers": [_descriptor(blob, layer_type)],
        "subject": _descriptor(subject.content, subject.media_type),
    }
    return Image(orjson.dumps(manifest), OCI_MANIFEST, {_digest(EMPTY): EMPTY, _digest(blob): blob})


def make_index(images: Sequence[Image], *, annotations: Mapping[str, str] | None = None) -> Image:
    """An index of `images`; platforms as their configs say. Of artifacts, it is what a fallback tag points to."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_entry(image) for image in images],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Image(orjson.dumps(document), OCI_INDEX, children=tuple(images))


def fallback_tag(subject: Image) -> str:
    """Where referrers are listed in a registry without an API for them."""
    return subject.digest.replace(":", "-")


def write_layout(image: Image, directory: Path) -> None:
    """Write an OCI image layout, for `skopeo copy oci:directory`."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (directory / "oci-layout").write_bytes(orjson.dumps({"imageLayoutVersion": "1.0.0"}))
    (directory / "index.json").write_bytes(
        orjson.dumps({"schemaVersion": 2, "manifests": [_descriptor(image.content, image.media_type)]})
    )
    for part in (image, *image.children):
        for content in (part.content, *part.blobs.values()):
            (blobs / _digest(content).removeprefix("sha256:")).write_bytes(content)


class DockerRegistry:
    """Debian's docker-registry, or another `program` of the kind, on a free port of loopback.

    Its storage outlives a restart.
    """

    def __init__(
        self,
        directory: Path,
        *,
        program: str = "docker-registry",
        notify: str = "",
        secret: str = "",
        options: Mapping[str, Any] | None = None,
    ):
        self.directory = directory
        self._program = program
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._notify = notify
        self._secret = secret
        self._options = dict(options or {})
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, notify: str | None = None) -> None:
        """Start, or start again on the same port and storage; `notify` changes where events go."""
        self._notify = self._notify if notify is None else notify
        endpoint = {
            "name": "regdex",
            "url": self._notify,
            "headers": {"Authorization": [f"Bearer {self._secret}"]},
            "timeout": "1s",
            "threshold": 10,
            "backoff": "1s",
            "ignore": {"mediatypes": ["application/octet-stream"]},
        }
        settings = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "storage")}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
            **({"notifications": {"endpoints": [endpoint]}} if self._notify else {}),
            **self._options,
        }
        file = self.directory / "config.yml"
        file.write_text(yaml.safe_dump(settings))
        self._process = await asyncio.create_subprocess_exec(
            self._program, "serve", str(file), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(15):
            while not await self._answers():  # noqa: ASYNC110 – another process, nothing to wait on
                await asyncio.sleep(0.02)

    def configure(self, options: Mapping[str, Any]) -> None:
        """Add top-level settings, from the next start on."""
        self._options |= options

    async def stop(self) -> None:
        """Kill it, with whatever events it has not delivered."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def docker_registry(
    directory: Path,
    *,
    program: str = "docker-registry",
    notify: str = "",
    secret: str = "",
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[DockerRegistry]:
    """A running registry; `notify` is where its events go, with `Authorization: Bearer <secret>`."""
    registry = DockerRegistry(directory, program=program, notify=notify, secret=secret, options=options)
    await registry.start()
    try:
        yield registry
    finally:
        await registry.stop()


async def push(image: Image, host: str, repository: str, tag: str, directory: Path) -> None:
    """Push with skopeo, as a person would; `directory` holds the layout for a moment."""
    layout = directory / f"layout-{os.urandom(6).hex()}"
    write_layout(image, layout)
    await skopeo(
        "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{layout}",
        f"docker://{host}/{repository}:{tag}",
    )  # fmt: skip
    shutil.rmtree(layout)


async def skopeo(*arguments: str) -> str:
    """Run skopeo; returns what it prints. Fails the test when it fails."""
    process = await asyncio.create_subprocess_exec(
        "skopeo", "--insecure-policy", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def put(image: Image, url: str, repository: str, reference: str = "") -> None:
    """Push over the API: for artifacts, which skopeo does not know. `reference` is a tag; empty: by digest."""
    async with aiohttp.ClientSession() as session:
        for part in (*image.children, image):
            for digest, blob in part.blobs.items():
                async with session.post(f"{url}/v2/{repository}/blobs/uploads/") as response:
                    assert response.status == 202, await response.text()
                    location = response.headers["Location"]
                async with session.put(location, params={"digest": digest}, data=blob) as response:
                    assert response.status == 201, await response.text()
            name = reference if part is image and reference else part.digest
            async with session.put(
                f"{url}/v2/{repository}/manifests/{name}", data=part.content, headers={"Content-Type": part.media_type}
            ) as response:
                assert response.status == 201, await response.text()


def _tar(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return str(Digest(1, hashlib.sha256(content).digest()))


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _entry(image: Image) -> dict[str, Any]:
    entry = _descriptor(image.content, image.media_type)
    document = image.document
    if artifact_type := document.get("artifactType"):
        return {**entry, "artifactType": artifact_type}
    if "config" not in document:
        return entry
    config = orjson.loads(image.blobs[document["config"]["digest"]])
    platform = {key: config[key] for key in ("os", "architecture", "variant") if key in config}
    return {**entry, "platform": platform}
