"""`make bench`: measures what it is named, or everything, and prints it beside its bare counterparts; it never fails.

`python -m tests.benchmarks [--full] [intake api rpc worker backfill storage memory search …]`
"""

import importlib
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import orjson
import structlog

from cli import embedded
from cli.processes.loops import runner
from tests.benchmarks.harness import Context, Row

MODULES = ("intake", "api", "rpc", "worker", "backfill", "storage", "memory", "search", "freshness", "golden")
RESULTS = Path("bench-results.json")


def show(row: Row) -> None:
    mark = "met" if row.met else "MISSED"
    print(f"{row.operation:<52} {row.measured:>18} {row.bare:>24} {row.ratio:>8.2f}  {row.goal:<22} {mark}", flush=True)


async def main() -> None:
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(MODULES)
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    print(f"{'operation':<52} {'measured':>18} {'bare counterpart':>24} {'ratio':>8}  {'goal':<22}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="regdex-bench-", ignore_cleanup_errors=True) as folder:
        async with embedded.running(Path(folder)) as url:
            context = Context(url, full="--full" in sys.argv)
            for name in names:
                module = importlib.import_module(f"tests.benchmarks.{name}")
                for row in await module.rows(context):
                    show(row)
                    rows.append(row)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    RESULTS.write_bytes(orjson.dumps({**machine, "rows": [asdict(row) for row in rows]}, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    with runner() as running:
        running.run(main())
