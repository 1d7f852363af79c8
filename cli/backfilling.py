"""`regdex backfill`: starts full reads in a running Regdex and shows their progress."""

import asyncio
from types import SimpleNamespace
from typing import Any

import typer
from rich.console import Console

from cli.terminal.output import Format, as_dict, plain, print_json
from cli.terminal.progress import BackfillProgress, ended
from regdex.client import Client

POLL_SECONDS = 0.25
OPEN = ("waiting", "running")


async def run_backfills(server: str, api_key: str, registry: str, *, force: bool, wait: bool, form: Format) -> None:
    """Read `registry`, or (empty) each that is not paused. With `wait`, exit with 1 unless all reads are complete."""
    async with Client(server, api_key=api_key) as client:
        names = [registry] if registry else await _registries(client)
        runs = [await client.start_backfill(registry=name, force=force) for name in names]
        if wait:
            console = Console(stderr=True)
            with BackfillProgress(console) as progress:
                runs = list(await asyncio.gather(*(_watch(client, run.id, progress) for run in runs)))
    if form is Format.JSON:
        print_json([as_dict(run) for run in runs])
    else:
        for run in runs:
            seen = SimpleNamespace(**as_dict(run))
            print(plain(f"{seen.registry} #{seen.id} {ended(seen)}"))
    if wait and any(as_dict(run)["state"] != "complete" for run in runs):
        raise typer.Exit(1)


async def _watch(client: Client, run_id: int, progress: BackfillProgress) -> Any:
    while True:
        run = await client.get_backfill(id=run_id)
        seen = SimpleNamespace(**as_dict(run))
        progress.update(seen, plain(seen.registry))
        if seen.state not in OPEN:
            return run
        await asyncio.sleep(POLL_SECONDS)


async def _registries(client: Client) -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        answer = await client.list_registries(page_size=1000, page_token=token)
        names += [item.name for item in answer.registries if not item.paused]
        token = answer.next_page_token
        if not token:
            return names
