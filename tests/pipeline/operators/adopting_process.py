"""A process that takes newer headers over and is killed at a named moment: for tests of what a crash leaves."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.pipeline.operators.corrections import STUDY, source_at
from trabecula.ledger.rows.copies import SqlCopyRows
from trabecula.ledger.store import UnitOfWork
from trabecula.pipeline import adopt_correction


def _die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    url, folder, moment = sys.argv[1:]
    source = source_at(url, Path(folder))
    copies = source.world.services.copies
    if moment == "files":  # some files have their second name
        put_beside, done = copies.put_beside, []

        def some(copy: Any) -> tuple[str, str]:
            if len(done) == 2:
                _die()
            done.append(copy)
            return put_beside(copy)

        copies.put_beside = some  # type: ignore[method-assign]
    elif moment == "rows":  # some rows are changed, nothing is committed
        replace, changed = SqlCopyRows.replace, []

        def some_rows(self: SqlCopyRows, *arguments: Any) -> None:
            if len(changed) == 2:
                _die()
            changed.append(arguments)
            replace(self, *arguments)

        SqlCopyRows.replace = some_rows  # type: ignore[method-assign]
    elif moment == "commit":
        UnitOfWork.commit = _die  # type: ignore[method-assign]
    elif moment == "committed":  # before the files leave the quarantine
        copies.remove = _die  # type: ignore[method-assign]
    adopt_correction(source.world.services, STUDY, "tester", "wrong patient")


if __name__ == "__main__":
    main()
