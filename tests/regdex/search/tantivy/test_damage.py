"""An index whose files are damaged: cut short they are noticed, changed inside nothing worse happens than no answer."""

from contextlib import suppress
from pathlib import Path

import pytest

from regdex.errors import Unavailable
from regdex.search import Query
from regdex.search.language.query import SignedFilter
from tests.regdex.search.conftest import fingerprint, in_batches, make_tantivy
from tests.regdex.search.corpus import CORPUS

SEARCHES = (
    Query(text="ngnix", facets=("project", "signed", "label:team")),
    Query(phrases=("payment gateway",), wildcards=("*a*y*",), sort="name", filters=(SignedFilter(False),)),
)


@pytest.mark.parametrize("length", [0.3, 1.0])
@pytest.mark.parametrize("kind", ["*.store", "*.term", "*.idx", "*.pos", "*.fast", "meta.json", "fingerprint.json"])
async def test_a_damaged_file_is_no_error_but_unavailable_and_a_rebuild_mends_it(
    tmp_path: Path, kind: str, length: float
) -> None:
    engine = await make_tantivy(tmp_path)
    await engine.writer.rebuild(fingerprint(), in_batches(CORPUS))
    await engine.writer.close()
    answers = [await engine.index.search(query) for query in SEARCHES]
    await engine.index.close()

    for file in tmp_path.rglob(kind):
        content = file.read_bytes()
        third = len(content) // 3
        file.write_bytes((content[:third] + b"\xa5" * third + content[2 * third :])[: int(length * len(content))])
    engine = await make_tantivy(tmp_path)
    for query, answer in zip(SEARCHES, answers, strict=True):
        with suppress(Unavailable):
            assert await engine.index.search(query) == answer or length == 1
    await engine.writer.rebuild(fingerprint(), in_batches(CORPUS))

    assert (await engine.find("ngnix")).total == answers[0].total
    await engine.writer.close()
    await engine.index.close()
