"""The external engine: a Meilisearch server that any number of `serve` processes on any machine may search.

`pointer` names the current index, `layout` has the settings of an index, `fields` converts documents, `requests`
converts searches; `reader` and `writer` implement the protocols of `regdex.search`. Needs the extra `server`.
"""

from regdex.search.meilisearch.reading.reader import MeilisearchIndex
from regdex.search.meilisearch.writing.writer import MeilisearchWriter

__all__ = ["MeilisearchIndex", "MeilisearchWriter"]
