"""The embedded engine: Tantivy, with its index on disk. One process writes; any number on the same machine read.

`place` manages the directory and its pointer, `layout` has the fields, `queries` converts searches; `reader` and
`writer` implement the protocols of `regdex.search`. Needs the extra `embedded`.
"""

from regdex.search.tantivy.reading.reader import TantivyIndex
from regdex.search.tantivy.writer import TantivyWriter

__all__ = ["TantivyIndex", "TantivyWriter"]
