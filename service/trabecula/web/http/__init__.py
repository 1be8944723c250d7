"""A small HTTP server of the standard library: a request goes to the handler of its path, an answer comes back."""
