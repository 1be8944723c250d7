"""An external segmentation program: it gets a NIfTI, writes labels, and is ended with all its children when late."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import (
    ConfigurationInvalid,
    GeometryInvalid,
    InputUnreadable,
    SegmenterFailed,
    SegmenterTimeout,
)
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.volume import Volume
from trabecula.imaging.volumes.files import read_labels_on, write_nifti_image
from trabecula.segmentation.foreign.environment import private_environment
from trabecula.segmentation.foreign.label_maps import LabelMap, label_map
from trabecula.segmentation.foreign.labelled import LabelSource, segmentation_of
from trabecula.segmentation.foreign.process_group import run_to_end

_PLACEHOLDERS = ("{input}", "{output}", "{output_dir}")
_TAIL_LINES = 6
_TAIL_CHARACTERS = 1500


@dataclass(frozen=True)
class ExternalProgram:
    """A program as configured: ``command`` with {input}, {output} and {output_dir}, ``a && b`` for two in turn.

    An empty ``command`` takes the one that ships with the label map. No shell is involved.
    """

    name: str
    label_map: str
    command: str = ""
    timeout_seconds: float = 900.0


class ExternalSegmenter:
    """Segments with a program of another maker (implements the Segmenter port)."""

    def __init__(self, program: ExternalProgram) -> None:
        """Check the configuration. Raises ConfigurationInvalid for a command that cannot be meant."""
        self._program = program
        self._map: LabelMap = label_map(program.label_map)
        self._commands = _parsed(program, self._map)

    @property
    def identity(self) -> SegmenterIdentity:
        """The configured name; the version is the program's own affair, so it names how its labels are read."""
        return SegmenterIdentity(f"external:{self._program.name}", f"label map {self._map.name}")

    def segment(self, volume: Volume) -> Segmentation:
        """Run the program on a volume.

        Raises SegmenterTimeout when it is late, SegmenterFailed when it cannot be started, ends with an error, writes
        nothing, or writes labels on another grid; the detail holds its last lines.
        """
        if volume.modality not in self._map.modalities:
            raise SegmenterFailed(f"{self._map.title} does not read {volume.modality.value}")
        with tempfile.TemporaryDirectory(prefix="trabecula-segmenter-") as name:
            folder = Path(name)
            image = folder / self._map.input_name
            output = folder / "out"
            output.mkdir()
            start = time.monotonic()
            write_nifti_image(image, volume)
            self._run(folder, image, output)
            seconds = time.monotonic() - start
            labels, bodies = self._read(folder, output, volume)
        return self._segmentation(labels, bodies, volume, seconds)

    def _run(self, folder: Path, image: Path, output: Path) -> None:
        deadline = time.monotonic() + self._program.timeout_seconds
        environment = private_environment(self._map, folder / "home")
        words = {"{input}": str(image), "{output}": str(output / "labels.nii.gz"), "{output_dir}": str(output)}
        for command in self._commands:
            argv = [_filled(word, words) for word in command]
            log = folder / "log.txt"
            try:
                code = run_to_end(argv, folder, environment, log, max(0.0, deadline - time.monotonic()))
            except TimeoutError as error:
                limit = f"{self._program.timeout_seconds:g} s"
                raise SegmenterTimeout(f"{argv[0]} ran longer than {limit}{_tail(log)}") from error
            except OSError as error:
                raise SegmenterFailed(f"{argv[0]} cannot be started ({error.strerror})") from error
            if code != 0:
                ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise SegmenterFailed(f"{argv[0]} {ended}{_tail(log)}")

    def _read(self, folder: Path, output: Path, volume: Volume) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
        path = _find(folder, output, self._map.labels_file)
        if path is None:
            raise SegmenterFailed(f"{self._program.name} wrote no {self._map.labels_file}{_tail(folder / 'log.txt')}")
        bodies = _find(folder, output, self._map.bodies_file) if self._map.bodies_file else None
        try:
            labels = read_labels_on(path, volume.geometry)
            return labels, None if bodies is None else read_labels_on(bodies, volume.geometry)
        except (GeometryInvalid, InputUnreadable) as error:
            raise SegmenterFailed(f"{self._program.name}: {error.detail}") from error

    def _segmentation(
        self, labels: NDArray[np.int32], bodies: NDArray[np.int32] | None, volume: Volume, seconds: float
    ) -> Segmentation:
        ours = self._map.to_ours(labels)
        tissues = self._map.tissue_map(labels, bodies)
        if bodies is not None:
            ours[~np.isin(bodies, self._map.body_values)] = 0
        source = LabelSource(
            identity=self.identity,
            numbering=self._map.numbering,
            quality=self._map.expected_dice,
            whole_vertebrae=self._map.whole_vertebrae and bodies is None,
            timings_s={"external": seconds},
        )
        return segmentation_of(ours, volume.geometry, source, tissues)


def _parsed(program: ExternalProgram, shipped: LabelMap) -> tuple[tuple[str, ...], ...]:
    text = program.command or shipped.command
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigurationInvalid(f"external_segmenters.{program.name}.command: {error}") from error
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    if not all(commands) or not any("{input}" in word for command in commands for word in command):
        raise ConfigurationInvalid(f"external_segmenters.{program.name}.command must name a program and {{input}}")
    if program.timeout_seconds <= 0:
        raise ConfigurationInvalid(f"external_segmenters.{program.name}.timeout_seconds must be positive")
    return tuple(tuple(command) for command in commands)


def _filled(word: str, values: dict[str, str]) -> str:
    for placeholder in _PLACEHOLDERS:
        word = word.replace(placeholder, values[placeholder])
    return word


def _find(folder: Path, output: Path, pattern: str) -> Path | None:
    """The first match below the output folder, else below the folder of the input (where some programs write)."""
    for root in (output, folder):
        found = sorted(path for path in root.glob(pattern) if path.is_file())
        if found:
            return found[0]
    return None


def _tail(log: Path) -> str:
    """The last lines a program wrote, for an error's detail."""
    if not log.is_file():
        return ""
    with log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 4 * _TAIL_CHARACTERS))
        text = stream.read().decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()][-_TAIL_LINES:]
    return f"; it wrote last: {' | '.join(lines)[-_TAIL_CHARACTERS:]}" if lines else ""
