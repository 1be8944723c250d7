"""A connection that explains each query before it runs it, and adds up what its plan read, over all nodes."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")


class CountingCursor(psycopg.Cursor[Any]):
    """Counts the rows of every node of every plan: what it returned and what it removed, in each of its loops."""

    rows_read = 0
    statements = 0

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.as_string(self.connection) if isinstance(query, sql.Composable) else str(query)
        if text.lstrip("( \n").upper().startswith(("SELECT", "WITH")):
            with psycopg.Cursor(self.connection) as explaining:
                explained = explaining.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", params).fetchone()
            assert explained is not None
            CountingCursor.rows_read += rows_of(explained[0][0]["Plan"])
            CountingCursor.statements += 1
        return super().execute(query, params, **options)


def rows_of(node: dict[str, Any]) -> int:
    """Return what a node and all below it read."""
    each = node["Actual Rows"] + sum(node.get(name, 0) for name in _REMOVED)
    return int(each * node["Actual Loops"] + 0.999) + sum(rows_of(below) for below in node.get("Plans", ()))
