"""Code that the indexer and the service share. This package imports neither of them."""

__version__ = "0.1.0"
