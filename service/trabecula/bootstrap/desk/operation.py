"""The desk's port to disks, settings, destinations, models and doctor, on this installation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine

from trabecula.bootstrap.desk.models import model_lines
from trabecula.bootstrap.destinations import destination_of
from trabecula.bootstrap.keeping.filling import disk_room_of
from trabecula.bootstrap.peers import sender_of
from trabecula.data.bundle_location import bundle_roots
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnknown, TrabeculaError
from trabecula.domain.errors_of.access import ChoiceInvalid, ExaminationFailed
from trabecula.domain.study.jobs import Stage
from trabecula.jobs.queue import PLACES
from trabecula.ledger.database import database_errors, driver_connection
from trabecula.ledger.queries import backlog
from trabecula.settings import Settings
from trabecula.settings.origins import settings_in_force
from trabecula.web.desk.operation import (
    Activations,
    CheckLine,
    DestinationLine,
    DiskStanding,
    ModelLine,
    RoleWish,
    SettingLine,
)
from trabecula.web.monitoring.refreshed import Refreshed

_DOCTOR_SECONDS = 120.0
_CHANGES = 20
_PACE_KEPT_S = 600.0
_PACE_PATIENCE_S = 0.2
"""How long a page waits for a first count, which a small ledger gives at once."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Pace:
    """Whether the pace of a disk was counted, and the day on which it is full at that pace (None: not in sight)."""

    known: bool = False
    full_on: date | None = None


def _counted(settings: Settings, engine: Engine) -> _Pace:
    try:
        with database_errors(), engine.connect() as link:
            room = disk_room_of(settings, driver_connection(link))
    except TrabeculaError as error:
        log.warning("disk.not_measured", code=error.code, reason=error.sentence)
        return _Pace()
    return _Pace(known=True, full_on=room.full_on(datetime.now(UTC).date()) if room else None)


@dataclass(frozen=True)
class SettingsOperation:
    """Implements web.desk.operation.Operation with the settings of this process."""

    of: Settings
    rooms: dict[Engine, Refreshed[_Pace]] = field(default_factory=dict, compare=False)
    """How the disk of images fills, counted now and then beside the pages: it reads the images of a week."""

    def disks(self, engine: Engine) -> Sequence[DiskStanding]:
        """Return the disk of images and results, and that of the journal where it is another."""
        folders = {"images and results": self.of.data_dir.expanduser(), "journal": self.of.journal_folder.expanduser()}
        found: list[DiskStanding] = []
        seen: set[int] = set()
        for name, folder in folders.items():
            there = _existing(folder)
            if (device := there.stat().st_dev) in seen:
                continue
            seen.add(device)
            usage = shutil.disk_usage(there)
            pace = self._pace(engine) if not found else _Pace(known=True)
            found.append(
                DiskStanding(
                    name=name,
                    folder=str(folder),
                    free_bytes=usage.free,
                    whole_bytes=usage.total,
                    pace_known=pace.known,
                    full_on=pace.full_on,
                )
            )
        return found

    def _pace(self, engine: Engine) -> _Pace:
        kept = self.rooms.setdefault(
            engine, Refreshed(partial(_counted, self.of, engine), keep_s=_PACE_KEPT_S, patience_s=_PACE_PATIENCE_S)
        )
        return kept.last() or _Pace()

    def settings(self) -> Sequence[SettingLine]:
        """Return every setting in force, without secrets."""
        return [SettingLine(row.name, _words(row.value), row.origin) for row in settings_in_force(self.of)]

    def destinations(self) -> Sequence[DestinationLine]:
        """Return the destinations of the settings."""
        lines = []
        for peer in self.of.destinations:
            destination = destination_of(peer, self.of.send_not_evaluable)
            lines.append(
                DestinationLine(
                    name=destination.name,
                    ae_title=destination.ae_title,
                    address=destination.address,
                    objects=", ".join(destination.object_kinds),
                    send_not_evaluable=str(destination.send_not_evaluable),
                    commitment=destination.commitment,
                )
            )
        return lines

    def echo(self, destination: str) -> None:
        """Send a C-ECHO."""
        sender_of(self.of).echo(self._destination(destination))

    def pause(self, engine: Engine, destination: str, who: str) -> None:
        """Hold what waits for a destination."""
        name = self._destination(destination).name
        with engine.begin() as link:
            backlog.pause(driver_connection(link), PLACES[Stage.DELIVER].queue, name, who)

    def resume(self, engine: Engine, destination: str, who: str) -> None:
        """Let a destination go on."""
        name = self._destination(destination).name
        with engine.begin() as link:
            backlog.resume(driver_connection(link), PLACES[Stage.DELIVER].queue, name, who)

    def models(self) -> Sequence[ModelLine]:
        """Return the installed bundles and those in use that are missing."""
        return model_lines(self.of)

    def activations(self) -> Activations:
        """Return what is in use and the last changes."""
        from trabecula.scoring.activation import LOG_NAME, read_activation

        lines: list[str] = []
        if (log := self.of.data_dir / LOG_NAME).is_file():
            lines = log.read_text("utf-8").splitlines()[-_CHANGES:]
        changes = [json.loads(line) for line in reversed(lines)]
        in_use = {name: str(item.role) for name, item in read_activation(self.of.data_dir).models.items()}
        return Activations(in_use, [_change(item) for item in changes])

    def give_role(self, wish: RoleWish, who: str) -> None:
        """Give a bundle its role, after verifying it."""
        from trabecula.scoring.activation import Clearance, ModelRole, change_activation, read_activation
        from trabecula.scoring.using import WantedRole, with_role

        if wish.role not in tuple(ModelRole):
            raise ChoiceInvalid(f"{wish.role[:20]!r} is no role of a model")
        moment = datetime.now(UTC).replace(microsecond=0)
        clearance = Clearance(who, moment.isoformat(), wish.validation.strip()) if wish.validation.strip() else None
        wanted = WantedRole(
            model_id=wish.model_id,
            role=ModelRole(wish.role),
            clearance=clearance,
            despite_verdict=wish.despite_verdict,
            despite_recall=wish.despite_recall,
        )
        after = with_role(self._installed(), read_activation(self.of.data_dir), wanted)
        change_activation(self.of.data_dir, after, who, moment, wish.reason)

    def roll_back(self, who: str, reason: str) -> None:
        """Return to the models before the last change."""
        from trabecula.scoring.activation import activation_before, change_activation
        from trabecula.scoring.using import rolled_back

        after = rolled_back(self._installed(), activation_before(self.of.data_dir))
        moment = datetime.now(UTC).replace(microsecond=0)
        change_activation(self.of.data_dir, after, who, moment, reason or "roll-back")

    def examine(self) -> Sequence[CheckLine]:
        """Run the doctor's quick checks in a process of its own: it looks at this installation as it is now."""
        command = [sys.executable, "-m", "trabecula", "doctor", "--quick", "--json"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_DOCTOR_SECONDS, check=False, text=True)
            checks = json.loads(done.stdout)["checks"]
        except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
            raise ExaminationFailed(type(error).__name__) from error
        return [
            CheckLine(item["name"], "ok" if item["ok"] else "failed", item["detail"], item["fix"]) for item in checks
        ]

    def _destination(self, name: str) -> Destination:
        for peer in self.of.destinations:
            if peer.name == name:
                return destination_of(peer, self.of.send_not_evaluable)
        raise DestinationUnknown(name[:64])

    def _installed(self) -> Any:
        from trabecula.scoring.recalled import read_recalled
        from trabecula.scoring.trust import site_trust
        from trabecula.scoring.using import InstalledBundles

        return InstalledBundles(
            roots=bundle_roots(self.of.bundles_dir),
            trust=site_trust(self.of.bundle_keys),
            recalled=read_recalled(self.of.data_dir),
        )


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def _words(value: object) -> str:
    if value is None or value in ("", [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _change(entry: dict[str, Any]) -> dict[str, Any]:
    def named(models: dict[str, Any]) -> str:
        return ", ".join(f"{name} {item['role']}" for name, item in sorted(models.items())) or "none"

    return {
        "when": entry["when"],
        "who": entry["who"],
        "reason": entry["reason"],
        "before": named(entry["before"]),
        "after": named(entry["after"]),
    }
