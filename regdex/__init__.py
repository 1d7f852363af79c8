"""What the indexer and the service both know; this package imports neither of them."""

__version__ = "0.1.0"
