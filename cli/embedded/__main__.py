"""Runs a tool of PostgreSQL on the embedded server: `python -m cli.embedded regdex-data pg_dump --format=custom`.

It uses the running server, or starts one for as long as the tool runs.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cli.embedded import connect_url, running
from cli.embedded.binaries import find_binaries
from regdex.errors import RegdexError

TOOLS = ("psql", "pg_dump", "pg_restore", "vacuumdb", "reindexdb", "pg_amcheck", "pg_isready")


async def _run(url: str, tool: str, arguments: list[str]) -> int:
    where = parse_qs(urlsplit(url).query)
    process = await asyncio.create_subprocess_exec(
        find_binaries().program(tool),
        *arguments,
        env={
            **os.environ,
            "PGHOST": where["host"][0],
            "PGPORT": where["port"][0],
            "PGUSER": "regdex",
            "PGDATABASE": "regdex",
        },
    )
    return await process.wait()


async def _main(data_dir: Path, tool: str, arguments: list[str]) -> int:
    if url := connect_url(data_dir):
        return await _run(url, tool, arguments)
    async with running(data_dir) as url:
        return await _run(url, tool, arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m cli.embedded", description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        sys.exit(asyncio.run(_main(given.data_dir, given.tool, given.arguments)))
    except RegdexError as error:
        sys.exit(str(error))
