"""The embedded engine: rebuild, size, latency; 100,000 repositories, with --full a million."""

import random
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from regdex.search import Document, Fingerprint, Query
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from regdex.search.tokens import TOKENS_VERSION
from tests.benchmarks.harness import Context, Row
from tests.benchmarks.names import documents

QUERIES = 300


async def rows(context: Context) -> list[Row]:
    count = 1_000_000 if context.full else 100_000
    with tempfile.TemporaryDirectory(prefix="regdex-bench-") as folder:
        writer, index = TantivyWriter(Path(folder)), TantivyIndex(Path(folder))
        fingerprint = Fingerprint(
            database_id="bench", index_id=str(uuid.uuid4()), tokens_version=TOKENS_VERSION, pinyin=True
        )

        async def batches() -> AsyncIterator[Sequence[Document]]:
            batch: list[Document] = []
            for document in documents(1, count):
                batch.append(document)
                if len(batch) == 5000:
                    yield batch
                    batch = []
            yield batch

        began = time.perf_counter()
        await writer.rebuild(fingerprint, batches())
        took = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        million = took * 1_000_000 / count
        each = size / count
        found = [
            Row("search, rebuild", f"{count / took:,.0f} docs/s", "60 s for 1M", million / 60, "<= 1", million <= 60),
            Row("search, size of the index", f"{each:.0f} B/repository", "150 B", each / 150, "<= 1", each <= 150),
        ]
        chance = random.Random(2)
        words = [document.repository.rpartition("/")[2] for document in documents(1, 5000)]
        long_words = [word for word in words if len(word) >= 6]
        for label, texts, goal_ms in (
            ("search, 1 typo, p99", [_mistype(chance, chance.choice(long_words)) for _ in range(QUERIES)], 5),
            ("search, prefix of 4, p99", [chance.choice(long_words)[:4] for _ in range(QUERIES)], 10),
            ("search, 2 letters, p99", [chance.choice(words)[:2] for _ in range(QUERIES)], 50),
        ):  # fmt: skip
            times = []
            for text in texts:
                began = time.perf_counter()
                await index.search(Query(text=text))
                times.append((time.perf_counter() - began) * 1000)
            p50, p99 = statistics.median(times), sorted(times)[int(len(times) * 0.99)]
            found.append(
                Row(label, f"{p50:.2f} / {p99:.2f} ms", f"{goal_ms} ms", p99 / goal_ms, "<= 1", p99 <= goal_ms)
            )
        await index.close()
        await writer.close()
    return found


def _mistype(chance: random.Random, word: str) -> str:
    """One letter replaced by another, not the first."""
    at = chance.randrange(1, len(word))
    return word[:at] + chance.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
