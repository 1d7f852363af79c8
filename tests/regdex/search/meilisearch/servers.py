"""A real Meilisearch for the tests: the one that REGDEX_TEST_MEILISEARCH_URL names, else one of its own from PATH.

One a test session, on a free port of the loopback and a temporary directory; gone with the session. Where there is
neither, what needs it is skipped and says so.
"""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from typing import NoReturn

import httpx2
import pytest

KEY = "a-master-key-of-the-tests"
START_SECONDS = 20
FRUGAL = ("--no-analytics", "--max-indexing-memory", "200 MiB", "--max-indexing-threads", "1", "--log-level", "WARN")


def running() -> tuple[str, str]:
    """Its url, and a key that may do everything."""
    if url := os.environ.get("REGDEX_TEST_MEILISEARCH_URL"):
        return url, os.environ.get("REGDEX_TEST_MEILISEARCH_KEY", "")
    program = shutil.which("meilisearch")
    if program is None:
        _skip()
    return _start(program), KEY


def _skip() -> NoReturn:
    pytest.skip("NOT TESTED against Meilisearch: set REGDEX_TEST_MEILISEARCH_URL, or put `meilisearch` on PATH")


@cache
def _start(program: str) -> str:
    directory = tempfile.mkdtemp(prefix="regdex-meilisearch-")
    url = f"http://127.0.0.1:{free_port()}"
    process = launch(program, url, directory)

    def stop() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(stop)
    return url


def launch(program: str, url: str, directory: str) -> subprocess.Popen[bytes]:
    """A Meilisearch that answers at `url` when this returns."""
    process = subprocess.Popen(
        [program, "--http-addr", url.removeprefix("http://"), "--master-key", KEY, *FRUGAL],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("Meilisearch does not start")
        time.sleep(0.05)
    return process


def is_healthy(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", timeout=1).status_code == 200
    except httpx2.HTTPError:
        return False


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
