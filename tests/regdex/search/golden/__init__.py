"""The golden set: queries with the answers that a person would expect, over a catalog written by hand amid noise.

`repositories.txt` and `queries.txt` are the judgements, `noise` is what lies around them, `metrics` counts how well an
engine does. Nothing here was judged by asking an engine; when one surprises, the person who types is right.
"""

from tests.regdex.search.golden.metrics import Scores, measure
from tests.regdex.search.golden.noise import documents
from tests.regdex.search.golden.queries import GOLDEN, Judged

__all__ = ["GOLDEN", "Judged", "Scores", "documents", "measure"]
