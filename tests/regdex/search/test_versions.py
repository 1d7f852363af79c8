"""Words or documents that are made otherwise than before: the index is rebuilt at the next start, without a gap."""

from pathlib import Path

import pytest

from indexer import publisher
from regdex.database import Pool
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from regdex.search.tokens import TOKENS_VERSION
from service.caller import Caller, Scope
from service.context import Context
from service.models.search import SearchRepositoriesRequest
from service.searching import engines
from service.searching.search import search_repositories
from tests.harness.seed import Seed


async def test_an_index_of_other_words_is_rebuilt_and_answers_are_given_meanwhile(
    db: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = Seed(db)
    await seed.registry("prod")
    await seed.repository("prod", "payments/ledger")
    writer, index = TantivyWriter(tmp_path / "search"), TantivyIndex(tmp_path / "search")
    context = Context(db, index)

    async def source() -> str:
        answer = await search_repositories(context, Caller(scope=Scope.READ), SearchRepositoriesRequest(q="ledger"))
        assert [hit["repository"] for hit in answer["hits"]] == ["payments/ledger"]
        return str(answer["source"])

    async with db.acquire() as conn:
        await publisher.ensure_index(conn, writer)
        first = await writer.fingerprint()
        await publisher.ensure_index(conn, writer)
        assert await writer.fingerprint() == first
        assert await source() == "tantivy"

        for module in (publisher, engines):
            monkeypatch.setattr(module, "TOKENS_VERSION", TOKENS_VERSION + 1)
        assert await source() == "postgres"
        await publisher.ensure_index(conn, writer)

    second = await writer.fingerprint()
    assert first is not None
    assert second is not None
    assert (second.tokens_version, second.index_id != first.index_id) == (TOKENS_VERSION + 1, True)
    assert await source() == "tantivy"
    await index.close()
    await writer.close()
