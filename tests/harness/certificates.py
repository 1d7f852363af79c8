"""A certificate for this machine, as `openssl` makes one."""

import asyncio
from pathlib import Path

from tests.harness.registries import require


async def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Certificate, which is its own authority, and key, for localhost and 127.0.0.1."""
    require("openssl")
    process = await asyncio.create_subprocess_exec(
        *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
        *["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"],
        cwd=directory,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return directory / "ca.pem", directory / "key.pem"
