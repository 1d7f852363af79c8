"""Opens the search engine of the settings: Meilisearch if `search.url` is set, else the embedded Tantivy."""

from regdex.search import SearchIndex, SearchWriter
from regdex.settings import Settings, read_secret


def open_index(settings: Settings) -> SearchIndex:
    """Open the engine for searching. Raise Misconfigured if the key file cannot be read."""
    if settings.search.url:
        from regdex.search.meilisearch import MeilisearchIndex

        return MeilisearchIndex(settings.search.url, _key(settings), index=settings.search.index)
    from regdex.search.tantivy import TantivyIndex

    return TantivyIndex(settings.data_dir / "search")


def open_writer(settings: Settings) -> SearchWriter:
    """Open the engine for publishing. Raise Misconfigured if the key file cannot be read."""
    if settings.search.url:
        from regdex.search.meilisearch import MeilisearchWriter

        return MeilisearchWriter(
            settings.search.url,
            _key(settings),
            index=settings.search.index,
            facet_labels=tuple(sorted(settings.search.facet_labels)),
        )
    from regdex.search.tantivy import TantivyWriter

    return TantivyWriter(settings.data_dir / "search")


def _key(settings: Settings) -> str:
    file = settings.search.api_key_file
    return read_secret(file).get_secret_value() if file else ""
