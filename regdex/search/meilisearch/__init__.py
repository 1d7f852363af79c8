"""The engine beside the processes: a Meilisearch of yours, which any number of `serve` on any machine may search.

`pointer` says which index answers, `layout` how an index is set up, `fields` what a document becomes, `requests` what
a search becomes; `reader` and `writer` are the two sides that `regdex.search` describes. Needs the extra `server`.
"""

from regdex.search.meilisearch.reading.reader import MeilisearchIndex
from regdex.search.meilisearch.writing.writer import MeilisearchWriter

__all__ = ["MeilisearchIndex", "MeilisearchWriter"]
