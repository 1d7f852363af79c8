"""Searches at 10,000 and 100,000 repositories, with --full a million: every engine and the fallback beside raw engines.

Latency is p50 / p99 of one request after another, over REST and over gRPC, from another process. Beside it is the raw
engine: Tantivy in this process, Meilisearch over HTTP from another one, asked the same in the simplest way; the ratio
is of the medians. "In process" is our engine without the service around it.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from indexer.publisher import rebuild
from regdex.database import Pool
from regdex.search import Document, SearchIndex
from regdex.search.meilisearch.fields import make_fields
from regdex.search.meilisearch.layout import index_settings
from regdex.settings import Grpc, Rest, Search, Settings
from service.process import Addresses, serving
from tests.benchmarks import bare_meilisearch, engines, stock
from tests.benchmarks.bare_meilisearch import BareMeilisearch
from tests.benchmarks.bare_tantivy import BareTantivy
from tests.benchmarks.calls import call
from tests.benchmarks.harness import Context, Row
from tests.benchmarks.load import Load, drive, request
from tests.benchmarks.names import documents
from tests.benchmarks.questions import Kind, kinds
from tests.benchmarks.recall import recall
from tests.regdex.search.conftest import Engine

SECONDS = 1.0
# The fallback is a scan of all names, whatever is asked.
ASKED_OF_NAMES = ("two words", "infix", "1 typo, filters", "suggest")
OVERHEAD = 1.5  # times the raw Meilisearch, over REST
SETTINGS = Settings(
    rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"), search=Search(facet_labels=("language",))
)
# Bytes a repository: of Meilisearch what was seen in a prototype.
SIZE_GOALS = {"tantivy": 150, "meilisearch": 1100}
RECALL_GOALS = {1: 0.97, 2: 0.90}


@dataclass(frozen=True, slots=True)
class Scene:
    """One size: its documents, a database that holds them, and the bare Meilisearch with them, where there is one."""

    size: int
    documents: list[Document]
    questions: list[Kind]
    db: Pool
    folder: Path
    server: BareMeilisearch | None
    raw_rate: float = 0.0  # documents a second

    def label(self, engine: str, what: str) -> str:
        return f"search, {engine}, {self.size // 1000}k: {what}"


async def rows(context: Context) -> list[Row]:
    found: list[Row] = []
    for size in (10_000, 100_000, *([1_000_000] if context.full else [])):
        found += await of_size(context, size)
    return found


async def of_size(context: Context, size: int, *, has_meilisearch: bool = True) -> list[Row]:
    """Everything at one size; a million in Meilisearch takes long to load."""
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="regdex-bench-", ignore_cleanup_errors=True))
        )
        db = await stack.enter_async_context(context.database())
        made = list(documents(1, size))
        await stock.fill(db, size)
        server = await stack.enter_async_context(bare_meilisearch.running(folder)) if has_meilisearch else None
        rate = await _load(server, made) if server is not None else 0.0
        scene = Scene(size, made, kinds(made[:: max(1, size // 20_000)]), db, folder, server, rate)
        found = [row for name in engines.names(server) for row in await _engine_rows(scene, name)]
        found += await _latencies(scene, "names", None)
        print(f"searches of {size:,} repositories measured", file=sys.stderr)
        if server is not None:
            await server.drop()
    return found


async def _load(server: BareMeilisearch, made: list[Document]) -> float:
    began = time.perf_counter()
    await server.load(made)
    rate = len(made) / (time.perf_counter() - began)
    await server.make_filterable("labels", "platforms", "downloads_30d", "project")
    return rate


async def _engine_rows(scene: Scene, name: str) -> list[Row]:
    engine = engines.open_engine(name, scene.folder, scene.server)
    before = await _used_bytes(scene, name)
    found = await _rebuild(scene, engine)
    await engine.writer.close()
    found.append(_size(scene, name, await _used_bytes(scene, name) - before))
    found += await _latencies(scene, name, engine.index)
    for typos, goal in RECALL_GOALS.items():
        reached = await recall(engine.index, scene.documents, typos=typos)
        label = scene.label(name, f"recall@20, {typos} typo{'s' * (typos > 1)}")
        found.append(Row(label, f"{reached:.1%}", f"{goal:.0%}", reached / goal, ">= 1", reached >= goal))
    await engine.index.close()
    return found


async def _rebuild(scene: Scene, engine: Engine) -> list[Row]:
    """From PostgreSQL, as users have it; Meilisearch beside its load of plain documents, and of the same ones."""
    began = time.perf_counter()
    async with scene.db.acquire() as conn:
        size = await rebuild(conn, engine.writer)
    took = time.perf_counter() - began
    assert size == scene.size
    rate, label = size / took, scene.label(engine.index.name, "rebuild")
    if engine.index.name == "tantivy":
        million = took * 1_000_000 / size
        return [Row(label, f"{rate:,.0f} docs/s", "60 s for 1M", million / 60, "<= 1", million <= 60)]
    rows = []
    for what, bare, goal in (("", await _load_same(scene), 0.85), (" (plain documents)", scene.raw_rate, 0.0)):
        ratio = rate / bare
        said = f">= {goal}" if goal else "-"
        rows.append(Row(label + what, f"{rate:,.0f} docs/s", f"{bare:,.0f} docs/s", ratio, said, ratio >= goal))
    return rows


async def _load_same(scene: Scene) -> float:
    """Documents a second of Meilisearch alone: ours, made beforehand, sent as fast as it takes them."""
    assert scene.server is not None
    bare = scene.server.on("same")
    made = [make_fields(document, engines.FACET_LABELS) for document in scene.documents]
    began = time.perf_counter()
    await bare.load_made(made, index_settings(engines.FACET_LABELS))
    rate = scene.size / (time.perf_counter() - began)
    await bare.drop()
    return rate


def _size(scene: Scene, name: str, size: int) -> Row:
    each, goal = size / scene.size, SIZE_GOALS[name]
    label = scene.label(name, "size of the index")
    return Row(label, f"{each:.0f} B/repository", f"{goal} B", each / goal, "<= 1", each <= goal)


async def _used_bytes(scene: Scene, name: str) -> int:
    if name == "meilisearch" and scene.server is not None:
        return await scene.server.used_bytes()
    return sum(file.stat().st_size for file in (scene.folder / "search").rglob("*") if file.is_file())


async def _latencies(scene: Scene, name: str, index: SearchIndex | None) -> list[Row]:
    found = []
    async with serving(SETTINGS, scene.db, index) as addresses:
        for kind in scene.questions:
            if index is None and kind.name not in ASKED_OF_NAMES:
                continue
            raw = await _raw(scene, name, kind)
            if index is not None and raw is not None:
                alone = await _in_process(index, kind)
                label = scene.label(name, f"{kind.name}, in process")
                found.append(Row(label, _times(alone), _times(raw), alone.p50_ms / raw.p50_ms, "-", True))
            rest, rpc = await _rest(addresses, kind), await _rpc(addresses, kind)
            for way, load in (("REST", rest), ("gRPC", rpc)):
                ratio = load.p50_ms / raw.p50_ms if raw else 1.0
                goal, met = _goal(scene, name, kind, load, raw)
                label = scene.label(name, f"{kind.name}, {way}")
                found.append(Row(label, _times(load), _times(raw) if raw else "-", ratio, goal, met))
    return found


def _goal(scene: Scene, name: str, kind: Kind, load: Load, raw: Load | None) -> tuple[str, bool]:
    if name == "meilisearch" and raw is not None:
        met = load.p50_ms <= OVERHEAD * raw.p50_ms and load.p99_ms <= OVERHEAD * raw.p99_ms
        return f"p50, p99 <= {OVERHEAD} x", met
    if name == "names":
        return "p99 <= 2000 ms", load.p99_ms <= 2000
    goal = kind.goals_ms[scene.size]
    return f"p99 <= {goal:g} ms", load.p99_ms <= goal


def _times(load: Load) -> str:
    return f"{load.p50_ms:.1f} / {load.p99_ms:.1f} ms"


async def _in_process(index: SearchIndex, kind: Kind) -> Load:
    """Our engine without the service: what asking it better than the raw one costs."""
    times: list[float] = []
    queries = kind.in_process()
    until = time.perf_counter() + SECONDS / 2
    while (began := time.perf_counter()) < until:
        await index.search(queries[len(times) % len(queries)])
        times.append(time.perf_counter() - began)
    times.sort()
    middle, last = times[len(times) // 2], times[int(len(times) * 0.99)]
    return Load(len(times) / sum(times), middle * 1000, last * 1000)


async def _rest(addresses: Addresses, kind: Kind) -> Load:
    host, _, port = addresses.rest.rpartition(":")
    load = await drive(host, int(port), kind.over_rest(), connections=1, seconds=SECONDS)
    assert set(load.statuses) <= {"200"}, load.statuses
    return load


async def _rpc(addresses: Addresses, kind: Kind) -> Load:
    return await call(addresses.grpc, f"/regdex.v1.SearchService/{kind.method}", kind.over_grpc(), seconds=SECONDS)


async def _raw(scene: Scene, name: str, kind: Kind) -> Load | None:
    if name == "tantivy":
        bare = BareTantivy(scene.folder / "search")
        return await asyncio.to_thread(bare.measure, kind, seconds=SECONDS / 2)
    if name == "meilisearch" and scene.server is not None:
        host, _, port = scene.server.url.removeprefix("http://").rpartition(":")
        load = await drive(host, int(port), _bare_requests(scene.server, kind), connections=1, seconds=SECONDS)
        assert set(load.statuses) <= {"200"}, load.statuses
        return load
    return None


def _bare_requests(server: BareMeilisearch, kind: Kind) -> list[bytes]:
    beside = {}
    if kind.name == "1 typo, filters":
        beside["filter"] = 'labels = "language=go" AND platforms = "linux/arm64" AND downloads_30d >= 2'
    if "facets" in kind.beside:
        beside["facets"] = ["project", "platforms", "labels"]
    if kind.name == "word, by name":
        beside["sort"] = ["name:asc"]
    headers = {"content_type": "application/json", **{k.lower(): v for k, v in server.headers.items()}}
    path = f"/indexes/{server.uid}/search"
    return [request("POST", path, orjson.dumps({"q": text, "limit": 20, **beside}), **headers) for text in kind.texts]
