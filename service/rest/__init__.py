"""REST: the operations over HTTP, JSON in and out."""
