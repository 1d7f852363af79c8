"""The reverse proxy that docs/clients.md puts in front of a registry: nginx, configured as printed there."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness.certificates import make_certificate
from tests.harness.registries import search_path

DOCS = Path(__file__).parents[3] / "docs" / "clients.md"
START_SECONDS = 10.0

_AROUND = """
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
events {{}}
http {{
    access_log off;
    {places}
    {server}
}}
"""
_PLACES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def printed() -> str:
    """The server block of the page."""
    (block,) = re.findall(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return str(block)


@asynccontextmanager
async def nginx(directory: Path, port: int, *, regdex: str, registry: str, key: str = "") -> AsyncIterator[None]:
    """Listens on 127.0.0.1; addresses are `host:port`. Without a `key` the header with one is left out."""
    certificate, private = await make_certificate(directory)
    server = _put(printed(), "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    server = _put(server, "/etc/ssl/registry.example.com.pem;", f"{certificate};")
    server = _put(server, "/etc/ssl/registry.example.com.key;", f"{private};")
    server = _put(server, "http://127.0.0.1:8080;", f"http://{regdex};")
    server = _put(server, "http://127.0.0.1:5000;", f"http://{registry};")
    header = 'proxy_set_header Authorization "Bearer rdx_…";'
    server = _put(server, header, header.replace("rdx_…", key) if key else "")
    places = "\n".join(f"{name}_temp_path {directory}/{name};" for name in _PLACES)
    user = "user root;" if os.geteuid() == 0 else ""
    config = directory / f"nginx-{port}.conf"
    config.write_text(_AROUND.format(user=user, directory=directory, places=places, server=server))
    program = shutil.which("nginx", path=search_path())
    assert program is not None
    process = await asyncio.create_subprocess_exec(program, "-p", directory, "-e", "stderr", "-c", config)
    try:
        await _answering(port, process)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _put(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"docs/clients.md has not once: {old}"
    return text.replace(old, new)


async def _answering(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert process.returncode is None, "nginx ended"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
