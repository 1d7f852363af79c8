"""Documents of a seed, odd ones among them, and conditions that fit some of them: strategies of hypothesis."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import strategies as st

from regdex.search import Document, Query, tokens
from regdex.search.language.query import (
    FACETS,
    Filter,
    NumberField,
    NumberFilter,
    Pattern,
    Range,
    SignedFilter,
    Sort,
    TextField,
    TextFilter,
)
from regdex.search.matching import number_of, phrase_texts, texts_of, wildcard_texts

LABEL_KEYS = ("team", "Tier", "org.opencontainers.image.vendor")
FACETS_ASKED = (*FACETS, *(f"label:{key}" for key in LABEL_KEYS))
TEXT_FIELDS: tuple[TextField, ...] = ("registry", "project", "tag", "label", "platform", "media_type")
NUMBER_FIELDS: tuple[NumberField, ...] = ("pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars")
SORTS: tuple[Sort, ...] = ("relevance", "name", "pushed", "pulled", "downloads", "size", "stars")

WORDS = ("payment", "gateway", "api", "worker", "node20", "python3.11", "nginx", "core", "x", "1.25", "front", "end")
VALUES = (
    "payments",
    "Payments",
    "gold",
    "",
    "a b",
    'say "hi"',
    "it's",
    "back\\slash",
    "*",
    "50%",
    "a,b",
    "[x] OR true",
    "支付网关",
    "Übergröße",
    "ПЛАТЕЖИ",
    "a=b=c",
)
TAGS = ("latest", "1.25", "1.25.3", "1.25.3-Alpine", "v2.0.0-RC1", "main-0ab12f", "2026.11.24", "nightly")
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64", "wasi/wasm")
MEDIA_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ARTIFACT_TYPES = ("application/vnd.cncf.helm.config.v1+json", "application/spdx+json")
SENTENCES = (
    "",
    "Payment gateway of the core team",
    "支付网关服务,负责对接银行渠道",
    "Café – front end for nginx 1.25",
    "node20 worker; the API's python3.11 core",
)
_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_documents(seed: int, count: int) -> list[Document]:
    """Different repositories of three registries; few words and values, so that conditions fit several."""
    random = Random(seed)
    names: dict[tuple[str, str], None] = {}
    while len(names) < count:
        segments = [
            random.choice("-_.").join(random.sample(WORDS, random.choice((1, 1, 2, 3))))
            for _ in range(random.choice((1, 2, 2, 2, 3)))
        ]
        names[random.choice(("prod", "edge", "lab.eu-1")), "/".join(segments)] = None
    return [_make(random, number, *name) for number, name in enumerate(names, start=1)]


def _make(random: Random, id: int, registry: str, repository: str) -> Document:
    def some(values: Sequence[str], most: int) -> tuple[str, ...]:
        return tuple(random.sample(values, random.randint(0, min(most, len(values)))))

    def moment() -> datetime | None:
        return random.choice((None, _NOON - timedelta(microseconds=random.choice((0, 1, random.randrange(10**14))))))

    project = repository.partition("/")[0] if "/" in repository else ""
    many = tuple(f"0.{number}" for number in range(300)) if random.random() < 0.03 else ()
    tags = (*many, *some(TAGS, 5))
    return Document(
        id=id,
        registry=registry,
        repository=repository,
        project=project,
        project_id=1 + hash_of(registry + project) % 40,
        title=random.choice(SENTENCES),
        description=random.choice(SENTENCES),
        labels=tuple(f"{key}={random.choice(VALUES)}" for key in some(LABEL_KEYS, 3)),
        tags=tags,
        platforms=some(PLATFORMS, 3),
        artifact_types=some(ARTIFACT_TYPES, 1),
        media_types=some(MEDIA_TYPES, 2),
        tag_count=len(tags),
        size_bytes=random.choice((0, 1, 200_000_000, 2**53, random.randrange(10**10))),
        downloads_30d=random.choice((0, 1, 100, random.randrange(10**6))),
        stars=random.choice((0, 0, 1, 3, 40)),
        pushed_at=moment(),
        pulled_at=moment(),
        signed=random.random() < 0.3,
    )


def hash_of(text: str) -> int:
    """The same in every process."""
    return sum(number * sign for number, sign in enumerate(text.encode(), start=1))


def queries(documents: Sequence[Document], *, text: st.SearchStrategy[str]) -> st.SearchStrategy[Query]:
    """Queries whose conditions are made of what the documents have, so that many fit something."""
    phrases = _phrases(documents)
    wildcards = _globs(sorted({text for document in documents for text in wildcard_texts(document)}))
    projects = sorted({document.project_id for document in documents})
    return st.builds(
        Query,
        text=text,
        phrases=_few(phrases),
        wildcards=_few(wildcards),
        without_phrases=_few(phrases),
        without_wildcards=_few(wildcards),
        filters=st.lists(_filters(documents), max_size=3).map(tuple),
        project_ids=st.none() | st.frozensets(st.sampled_from(projects)),
        sort=st.sampled_from(SORTS),
        facets=st.lists(st.sampled_from(FACETS_ASKED), unique=True, max_size=4).map(tuple),
        limit=st.sampled_from((3, 20, 100)),
    )


def _few(texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(texts, max_size=2).map(tuple) | st.just(())


def _filters(documents: Sequence[Document]) -> st.SearchStrategy[Filter]:
    strategies: list[st.SearchStrategy[Filter]] = [st.builds(SignedFilter, st.booleans())]
    for field in TEXT_FIELDS:
        values = sorted({value for document in documents for value in texts_of(document, field)})
        exact = _recased(st.sampled_from([*values, "nowhere", "'; DROP", '" OR ""="'])).map(Pattern)
        globs = _recased(_globs([*values, "*"])).map(lambda text: Pattern(text, is_glob=True))
        patterns = st.lists(exact | globs, min_size=1, max_size=3).map(tuple)
        strategies.append(st.builds(TextFilter, st.just(field), patterns, st.booleans()))
    for number in NUMBER_FIELDS:
        values_of = sorted({value for document in documents if (value := number_of(document, number)) is not None})
        bounds = st.none() | st.builds(int.__add__, st.sampled_from(values_of), st.integers(-1, 1))
        ranges = st.lists(st.builds(Range, bounds, bounds), min_size=1, max_size=2).map(tuple)
        strategies.append(st.builds(NumberFilter, st.just(number), ranges, st.booleans()))
    return st.one_of(strategies)


@st.composite
def _phrases(draw: Callable[..., str], documents: Sequence[Document]) -> str:
    """Some words in a row of a text, whatever stood between them, or words that may not be."""
    texts = sorted({text for document in documents for text in phrase_texts(document)})
    words = tokens.sequence(draw(st.sampled_from(texts)))
    start = draw(st.integers(0, len(words)))
    taken = words[start : start + int(draw(st.integers(1, 4)))]
    if draw(st.booleans()) and len(taken) > 1:
        taken = taken[::-1]
    return draw(st.sampled_from((" ", "-", "/", ", "))).join(taken)


@st.composite
def _globs(draw: Callable[..., str], values: Sequence[str]) -> str:
    """A value with runs of its characters replaced by `*`, single ones by `?`."""
    text = draw(st.sampled_from(values))
    for _ in range(int(draw(st.integers(0, 3)))):
        start = int(draw(st.integers(0, len(text))))
        if draw(st.booleans()):
            text = text[:start] + "*" + text[start + int(draw(st.integers(0, 6))) :]
        elif start < len(text):
            text = text[:start] + "?" + text[start + 1 :]
    return text


def _recased(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(texts, texts.map(str.upper), texts.map(str.lower))
