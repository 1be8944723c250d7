"""A small HTTP server of the standard library: a request goes to the handler of its path, a response comes back.

For monitors only: health and metrics must answer in processes that load no FastAPI, and where the desk itself is what
is broken. GET and HEAD, no sessions; pages and the API lie in ``desk`` and ``api``.
"""
