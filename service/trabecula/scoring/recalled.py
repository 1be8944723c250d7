"""Which models this site has recalled: ``recalled.jsonl`` in the data folder, one JSON line each, never rewritten."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.study.recall import Maker

FILE_NAME = "recalled.jsonl"


@dataclass(frozen=True, kw_only=True)
class RecalledMaker:
    """A model or bundle whose results must not be relied on: who said so, when (ISO 8601) and why."""

    maker: str
    name: str
    who: str
    when: str
    reason: str

    def concerns(self, model_id: str, sha256: str) -> bool:
        """Whether a bundle is meant, by its id or by the first digits of its digest."""
        if self.maker == Maker.MODEL:
            return self.name == model_id
        return self.maker == Maker.BUNDLE and sha256.startswith(self.name.lower())


def note_recalled(data_dir: Path, recalled: RecalledMaker) -> None:
    """Add a line; it is on disk when this returns."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(recalled), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_recalled(data_dir: Path) -> tuple[RecalledMaker, ...]:
    """Return every recall, the oldest first. Raises BundleInvalid for a damaged file: nothing is activated then."""
    try:
        lines = (data_dir / FILE_NAME).read_text("utf-8").splitlines()
        return tuple(RecalledMaker(**json.loads(line)) for line in lines)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BundleInvalid(f"{FILE_NAME} is not readable ({type(error).__name__})") from error
