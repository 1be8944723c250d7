"""The routing rule we ship for Orthanc, in a real Orthanc, against the real listener."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ComprehensiveSRStorage

from tests.builders import document, image, part10
from tests.intake.conftest import Running
from tests.orthanc import Orthanc
from tests.waiting import wait_until

RULE = (Path(__file__).parents[2] / "deploy" / "test-pacs" / "route.lua").read_text()
MakeOrthanc = Callable[..., Orthanc]


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    """The port where our listener is, or is not."""
    return free_port()


@pytest.fixture
def orthanc(
    port: int, require_tool: Callable[[str], str], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[MakeOrthanc]:
    """Return a function that starts an Orthanc with the shipped rule, its pauses (seconds) shortened for a test."""
    started: list[Orthanc] = []

    def begin(pauses: str = "2, 8", give_up_after: str = "60") -> Orthanc:
        lua = RULE.replace("LONGEST_PAUSE = 30, 900", f"LONGEST_PAUSE = {pauses}").replace("3 * 86400", give_up_after)
        assert f"LONGEST_PAUSE = {pauses} " in lua
        assert "86400" not in lua
        modalities = {"trabecula": ["TRABECULA", "127.0.0.1", port]}
        made = Orthanc(require_tool("Orthanc"), tmp_path / "orthanc", free_port(), free_port(), modalities, lua)
        made.start()
        started.append(made)
        return made

    yield begin
    for each in started:
        each.stop()


def jobs(orthanc: Orthanc) -> list[dict[str, Any]]:
    return sorted(orthanc.get("/jobs?expand"), key=lambda job: str(job["CreationTime"]))


def states(orthanc: Orthanc) -> list[str]:
    return [job["State"] for job in jobs(orthanc)]


def taken(running: Running) -> int:
    return len(running.registrar.instances)


def times_stable(orthanc: Orthanc) -> int:
    return sum(change["ChangeType"] == "StableStudy" for change in orthanc.get("/changes?limit=1000")["Changes"])


def test_a_series_is_sent_once_whatever_comes_back_and_again_with_a_late_image(
    start: Callable[..., Running], port: int, orthanc: MakeOrthanc
) -> None:
    running, pacs = start(port=port), orthanc()
    for number in range(1, 6):
        pacs.upload(part10(image(number=number)))
    wait_until(lambda: taken(running) == 5 and states(pacs) == ["Success"], 60)

    pacs.upload(part10(document(sop_class=ComprehensiveSRStorage)))  # our report comes back
    wait_until(lambda: times_stable(pacs) == 2, 60)
    time.sleep(1.5)
    after_feedback = states(pacs)
    pacs.upload(part10(image(number=6)))
    wait_until(lambda: taken(running) == 6, 60)
    wait_until(lambda: states(pacs) == ["Success"] * 2, 60)

    assert after_feedback == ["Success"]


def test_a_series_waits_for_a_service_that_is_down_with_growing_pauses_also_over_a_restart(
    start: Callable[..., Running], port: int, orthanc: MakeOrthanc
) -> None:
    pacs = orthanc()
    for number in range(1, 4):
        pacs.upload(part10(image(number=number)))
    wait_until(lambda: states(pacs).count("Failure") >= 3, 60)
    begun = [job["CreationTime"] for job in jobs(pacs)]
    pacs.stop()
    pacs.start()

    running = start(port=port)
    wait_until(lambda: taken(running) == 3, 60)
    wait_until(lambda: states(pacs)[-1] == "Success", 60)

    first, second, third = (seconds(moment) for moment in begun[:3])
    assert second - first >= 1
    assert third - second >= 3  # whole seconds count: pauses of 2 and 4 s
    sent = states(pacs).count("Success")
    time.sleep(2)
    assert states(pacs).count("Success") == sent == 1


def test_a_series_that_a_full_disk_refused_is_sent_again(
    start: Callable[..., Running], port: int, orthanc: MakeOrthanc
) -> None:
    full, pacs = start(port=port, min_free_bytes=2**62), orthanc()
    for number in range(1, 4):
        pacs.upload(part10(image(number=number)))
    wait_until(lambda: "Failure" in states(pacs), 60)
    refused = taken(full)
    full.listener.stop()

    running = start(port=port)
    wait_until(lambda: taken(running) == 3, 60)

    assert refused == 0


def test_after_the_cap_a_series_is_left_to_a_person(port: int, orthanc: MakeOrthanc) -> None:
    pacs = orthanc(give_up_after="0")
    pacs.upload(part10(image(number=1)))
    log = pacs.folder / "orthanc.log"

    wait_until(lambda: b"send it by hand" in log.read_bytes() or not pacs.get("/system"), 60)
    time.sleep(2.5)

    assert states(pacs) == ["Failure"]


def seconds(moment: str) -> float:
    """Return the seconds of an Orthanc time such as 20260101T120000.250000."""
    whole, fraction = moment.split(".")
    return time.mktime(time.strptime(whole, "%Y%m%dT%H%M%S")) + float(f"0.{fraction}")
