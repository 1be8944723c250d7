"""Write docs/openapi.json anew: ``python -m tests.web.api.write_openapi``."""

from __future__ import annotations

import json

from tests.web.api.test_openapi import COPY
from trabecula.web.api.description import description
from trabecula.web.desk.app import desk_app

if __name__ == "__main__":
    document = description(desk_app(None, {}))  # type: ignore[arg-type] # routes need no parts
    COPY.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
