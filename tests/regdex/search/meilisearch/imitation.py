"""As much of a Meilisearch as Regdex talks to, in memory: so that faults are tested where no real one is.

Searches are crude: every word has to be in the text of a document, somewhere. What a search finds is tested against the
real engine only.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

TEXTS = ("name", "parts", "more")
ID = re.compile(r"[A-Za-z0-9_-]{1,511}")


@dataclass
class Index:
    documents: dict[Any, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


class Failed(Exception):
    """What a task fails with, or a request is refused with."""

    def __init__(self, code: str, status: int = 400) -> None:
        self.code = code
        self.status = status

    def body(self) -> dict[str, Any]:
        return {"message": self.code, "code": self.code, "type": "invalid_request", "link": ""}


class Imitation:
    """Tasks are done at once; `indexes` and `tasks` are there to be looked at."""

    def __init__(self) -> None:
        self.version = "1.50.0"
        self.indexes: dict[str, Index] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self._next_task = 0

    async def answer(self, method: str, path: str, query: dict[str, str], content: bytes) -> web.Response:
        body = orjson.loads(content) if content else None
        try:
            return _json(self._answer(method, path.strip("/").split("/"), query, body))
        except Failed as failed:
            return _json(failed.body(), failed.status)

    def _answer(self, method: str, path: list[str], query: dict[str, str], body: Any) -> Any:
        match method, path:
            case "GET", ["version"]:
                return {"pkgVersion": self.version}
            case "GET", ["tasks"]:
                if "uids" not in query:
                    return {"results": []}
                wanted = [int(uid) for uid in query["uids"].split(",")]
                return {"results": [self.tasks[uid] for uid in wanted if uid in self.tasks]}
            case ("POST", ["tasks", "cancel"]) | ("DELETE", ["tasks"]):
                assert query, "without a filter this means all tasks"
                return self._task(lambda: None)
            case "GET", ["indexes"]:
                return {"results": [{"uid": uid} for uid in self.indexes]}
            case "POST", ["indexes"]:
                return self._task(lambda: self._create(body["uid"]))
            case "POST", ["multi-search"]:
                main, federation = body["queries"][0], body["federation"]
                return _search(self._index(main["indexUid"]), main["q"], **federation)
            case _, ["indexes", uid, *rest]:
                return self._of_index(method, uid, rest, body)
        raise Failed("not_found", 404)

    def _of_index(self, method: str, uid: str, rest: list[str], body: Any) -> Any:
        match method, rest:
            case "DELETE", []:
                return self._task(lambda: self._delete(uid))
            case "POST", ["documents"]:
                return self._task(lambda: self._add(uid, body))
            case "POST", ["documents", "delete-batch"]:
                return self._task(lambda: [self._index(uid).documents.pop(id, None) for id in body] and None)
            case "PATCH", ["settings"]:
                return self._task(lambda: self._index(uid).settings.update(body))
        index = self._index(uid)
        match method, rest:
            case "GET", []:
                return {"uid": uid, "primaryKey": "id"}
            case "GET", ["settings"]:
                return index.settings
            case "GET", ["stats"]:
                return {"numberOfDocuments": len(index.documents)}
            case "POST", ["search"]:
                return _search(index, body["q"], body["limit"], body.get("offset", 0))
            case "POST", ["documents", "fetch"]:
                return {"results": [index.documents[id] for id in body["ids"] if id in index.documents]}
        raise Failed("not_found", 404)

    def _task(self, work: Any) -> dict[str, int]:
        self._next_task += 1
        task: dict[str, Any] = {"uid": self._next_task, "status": "succeeded"}
        try:
            work()
        except Failed as failed:
            task |= {"status": "failed", "error": failed.body()}
        self.tasks[task["uid"]] = task
        return {"taskUid": task["uid"]}

    def _index(self, uid: str) -> Index:
        if uid not in self.indexes:
            raise Failed("index_not_found", 404)
        return self.indexes[uid]

    def _create(self, uid: str) -> None:
        if uid in self.indexes:
            raise Failed("index_already_exists")
        self.indexes[uid] = Index()

    def _delete(self, uid: str) -> None:
        self._index(uid)
        del self.indexes[uid]

    def _add(self, uid: str, documents: list[dict[str, Any]]) -> None:
        """All of them or none; a missing index is made, as the real one does."""
        if not all(ID.fullmatch(str(document["id"])) for document in documents):
            raise Failed("invalid_document_id")
        index = self.indexes.setdefault(uid, Index())
        index.documents.update((document["id"], document) for document in documents)


def _search(index: Index, text: str, limit: int, offset: int) -> dict[str, Any]:
    wanted = text.replace('"', "").split()
    found = [
        document
        for document in index.documents.values()
        if all(word in " ".join(document.get(field, "") for field in TEXTS) for word in wanted)
    ]
    found.sort(key=lambda document: -document.get("heat", 0))
    return {"hits": found[offset : offset + limit], "estimatedTotalHits": len(found)}


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
