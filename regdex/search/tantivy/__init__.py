"""The embedded engine: Tantivy, in process and on disk. One process writes; any number on the same machine read.

`place` is the directory and its pointer, `layout` the fields, `queries` what a search becomes, `reader` and `writer`
the two sides that `regdex.search` describes. Needs the extra `embedded`.
"""

from regdex.search.tantivy.reading.reader import TantivyIndex
from regdex.search.tantivy.writer import TantivyWriter

__all__ = ["TantivyIndex", "TantivyWriter"]
