"""The two keys: they suffice for what each process does, and for nothing else."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from cli.direct.search_index import make_keys as make_files
from regdex.errors import Misconfigured, Unavailable
from regdex.search import Query
from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from regdex.search.meilisearch.wire import Refusal, Wire
from regdex.search.meilisearch.writing.keys import Keys, make_keys
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS
from tests.regdex.search.meilisearch import servers


@dataclass
class Door:
    url: str
    admin_key: str
    index: str
    keys: Keys


@pytest_asyncio.fixture
async def door() -> Door:
    url, admin_key = servers.running()
    index = f"k{uuid.uuid4().hex}"
    return Door(url, admin_key, index, await make_keys(url, admin_key, index=index))


@pytest_asyncio.fixture
async def writer(door: Door) -> AsyncIterator[MeilisearchWriter]:
    writer = MeilisearchWriter(door.url, door.keys.index, index=door.index, grace_seconds=0)
    yield writer
    await writer.close()


async def test_the_keys_suffice_for_all_that_is_done(door: Door, writer: MeilisearchWriter) -> None:
    for _ in range(2):  # the second deletes what the first made
        await writer.rebuild(fingerprint(), in_batches(CORPUS))
    assert await writer.write(CORPUS[:2], [CORPUS[2].id]) == []
    assert await writer.count() == len(CORPUS) - 1

    index = MeilisearchIndex(door.url, door.keys.serve, index=door.index)
    found = await index.search(Query(text="nginx", facets=("registry",)))
    assert found.documents[0].repository == "library/nginx"
    assert await index.fingerprint() == await writer.fingerprint()
    await index.close()


async def test_the_key_of_the_service_may_only_search(door: Door, writer: MeilisearchWriter) -> None:
    await writer.rebuild(fingerprint(), in_batches(CORPUS[:1]))
    wire = Wire(door.url, door.keys.serve)

    for path in ("/indexes", "/tasks", "/version", "/keys", f"/indexes/{door.index}/settings"):
        with pytest.raises(Refusal, match="invalid_api_key"):
            await wire.get(path)
    with pytest.raises(Refusal, match="invalid_api_key"):
        await wire.post(f"/indexes/{door.index}/documents", [{"id": 1}])
    await wire.close()


async def test_neither_key_reaches_the_indexes_of_others(door: Door, writer: MeilisearchWriter) -> None:
    other = f"other{uuid.uuid4().hex}"
    foreign = MeilisearchWriter(door.url, door.admin_key, index=other, grace_seconds=0)
    await foreign.rebuild(fingerprint(), in_batches(CORPUS[:1]))
    await foreign.close()

    for key in (door.keys.serve, door.keys.index):
        wire = Wire(door.url, key)
        with pytest.raises(Refusal):
            await wire.post(f"/indexes/{other}/search", {"q": ""})
        with pytest.raises(Refusal):
            await wire.delete(f"/indexes/{other}")
        await wire.close()


async def test_the_command_writes_files_for_the_owner_only_and_none_twice(door: Door, tmp_path: Path) -> None:
    (tmp_path / "admin").write_text(f"{door.admin_key}\n")
    (tmp_path / "regdex.toml").write_text(f'[search]\nurl = "{door.url}"\nindex = "{door.index}"\n')

    paths = await make_files(tmp_path / "regdex.toml", tmp_path / "admin", tmp_path / "search")

    assert [path.name for path in paths] == ["serve", "index"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert len({path.read_text() for path in paths}) == 2
    with pytest.raises(Misconfigured, match="exists already"):
        await make_files(tmp_path / "regdex.toml", tmp_path / "admin", tmp_path / "search")


async def test_a_key_that_may_make_none_is_refused(door: Door) -> None:
    with pytest.raises(Unavailable, match="makes no keys: invalid_api_key"):
        await make_keys(door.url, door.keys.index, index=door.index)


async def test_without_a_meilisearch_there_are_no_keys_to_make(tmp_path: Path) -> None:
    (tmp_path / "regdex.toml").write_text("")

    with pytest.raises(Misconfigured, match=r"search\.url: not set"):
        await make_files(tmp_path / "regdex.toml", tmp_path / "admin", tmp_path / "search")
