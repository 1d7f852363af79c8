"""Run as a program: an indexer that only backfills, to be killed. Arguments: database URL, registry URL, page size."""

import asyncio
import sys

from regdex import database
from regdex.settings import Registry
from tests.indexer.backfill.stage import backfilling


async def main(database_url: str, registry_url: str, page_size: str) -> None:
    db = await database.connect(database_url, size=4)
    registry = Registry(name="prod", url=registry_url, page_size=int(page_size), concurrency=2)
    async with backfilling(db, registry):
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
