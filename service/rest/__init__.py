"""REST: the operations over HTTP, with JSON requests and answers."""
