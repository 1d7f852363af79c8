"""The catalog of the golden set: the judged repositories, and some thousand generated ones around them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from regdex.search import Document, tokens
from tests.benchmarks import names
from tests.regdex.search.corpus import CATALOG
from tests.regdex.search.golden.queries import GOLDEN

NOISE = 4000
BUSIEST = 300  # left out: a judged repository is as well used as the rest
SEED = 11
# What a person would accept as well as a judged answer is no noise: these words are judged.
TAKEN = ("支付", "网关", "调度")


@cache
def documents() -> tuple[Document, ...]:
    """Judged ones first; always the same."""
    return (*CATALOG, *_noise())


def _noise() -> Iterator[Document]:
    last_names = {tokens.split_name(judged.repository).last for judged in CATALOG}
    last_names |= {tokens.join(tokens.split(judged.text)) for judged in GOLDEN}
    for document in list(names.documents(SEED, BUSIEST + NOISE))[BUSIEST:]:
        is_taken = any(word in document.description for word in TAKEN)
        if not is_taken and tokens.split_name(document.repository).last not in last_names:
            yield replace(document, id=10_000 + document.id, project_id=sum(document.project.encode()))
