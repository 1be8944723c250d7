"""schemathesis against a real ``trabecula web``: no 500, no status and no content that the description does not name.

The study of the description's examples is there, with its report. In CI a few cases an operation with a fixed seed;
TRABECULA_FUZZ_EXAMPLES=200 runs as many for each, with any seed, and every boundary of the description.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.api.conftest import Api
from tests.web.api.served import served_desk
from trabecula.domain.results.result import ObjectKind, ResultObject

EXAMPLES = os.environ.get("TRABECULA_FUZZ_EXAMPLES", "")
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method", "ignored_auth",
)  # fmt: skip


@pytest.mark.system
def test_nothing_that_fits_or_does_not_fit_the_description_breaks_the_api(
    api: Api, reported: dict[ObjectKind, ResultObject], embedded_database_url: str, tmp_path: Path
) -> None:
    token = api.program("root", "admin").headers["authorization"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", "--header", f"Authorization: {token}",
        "--checks", ",".join(CHECKS), "--max-examples", EXAMPLES or "2", "--workers", "1", "--no-color",
        "--phases", "examples,fuzzing,stateful" + (",coverage" if EXAMPLES else ""),
        "--generation-database", "none", "--request-timeout", "30",
    ]  # fmt: skip
    command += [] if EXAMPLES else ["--seed", "17"]

    with served_desk(embedded_database_url, tmp_path, destinations="PACS=ARCHIVE@127.0.0.1:11199") as address:
        done = subprocess.run(
            [*command, f"{address}/openapi.json"],
            cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "150"},
        )  # fmt: skip

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
