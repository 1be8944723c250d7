"""One Orthanc with DICOMweb that holds every case, one web server, one browser, for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import parallel
from tests.orthanc import Orthanc
from tests.reporting.builders import ANALYSED_AT
from tests.viewer.cases import Case, CaseFolder, not_evaluable, result_of
from tests.viewer.ohif import Ohif, chromium
from tests.viewer.server import ViewerServer
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.volume import Geometry, Volume
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol, MrProtocol
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomSeries, PhantomStudy

VERSION = "3.13.2"
"""Of OHIF, as deploy/install-viewer.sh fetches it."""
DICOM_WEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
CT = CtProtocol(pixel_mm=1.5, matrix=(120, 96), thickness_mm=4.0, increment_mm=4.0)
MR = MrProtocol(pixel_mm=1.2, matrix=(210, 160), slices=7, thickness_mm=5.0, gap_mm=0.5)


@pytest.fixture(scope="session")
def viewer_files() -> Path:
    """The built viewer, or a skip (a failure where peers are required) that says how to fetch it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    dist = cache / "trabecula" / f"ohif-{VERSION}" / "dist"
    if not (dist / "index.html").is_file():
        _missing(f"OHIF {VERSION} is not in {dist}; run deploy/install-viewer.sh")
    if not DICOM_WEB_PLUGIN.is_file():
        _missing(f"{DICOM_WEB_PLUGIN} is not installed; run deploy/install-test-peers.sh as root")
    return dist


def _missing(message: str) -> None:
    if os.environ.get("TRABECULA_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="package")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Every kind of result by name."""
    folder = tmp_path_factory.mktemp("cases")
    ct = make_ct_study(CtStudySpec(sample_patient(7, 1, age_years=72, density_l1=55.0), CT, case="viewer"))
    mr = make_mr_study(MrStudySpec(sample_patient(7, 2, age_years=66, density_l1=90.0), MR, case="viewer"))
    return {**_ct_cases(ct, folder), **_mr_cases(mr, folder)}


def _ct_cases(phantom: PhantomStudy, folder: Path) -> dict[str, Case]:
    axial = CaseFolder("ct axial", phantom, folder)
    found = axial.add(phantom.series_of("CT"))
    result = result_of(axial.study_uid, [found])
    cases = {"ct axial": axial.case((Analysis(result, (found.volume,)), ()), picture=True)}

    sagittal = CaseFolder("ct sagittal", phantom, folder)
    found = sagittal.add(_sagittal(phantom.series_of("CT"), every=2), _one_slice(phantom.series_of("CT").volume))
    result = result_of(sagittal.study_uid, [found])
    cases["ct sagittal"] = sagittal.case((Analysis(result, (found.volume,)), ()))

    nothing = CaseFolder("not evaluable", phantom, folder)
    series = phantom.series_of("CT")
    nothing.add(replace(series, volume=_one_slice(series.volume), labels=None))
    cases["not evaluable"] = nothing.case((Analysis(not_evaluable(nothing.study_uid), ()), ()), picture=True)
    return cases


def _mr_cases(phantom: PhantomStudy, folder: Path) -> dict[str, Case]:
    cases = {}
    for name, roles, deformed in (
        ("mr t1", ("T1",), False),
        ("mr t1 t2", ("T1", "T2"), False),
        ("fracture", ("T1",), True),
    ):
        study = CaseFolder(name, phantom, folder)
        series = [study.add(phantom.series_of(role)) for role in roles]
        result = result_of(study.study_uid, series, deformed=deformed)
        cases[name] = study.case((Analysis(result, tuple(item.volume for item in series)), ()))

    study = CaseFolder("revision 2", phantom, folder)
    series = [study.add(phantom.series_of("T1"))]
    volumes = tuple(item.volume for item in series)
    first = Analysis(result_of(study.study_uid, series), volumes)
    replaced = study.case((first, ())).objects[0]
    predecessor = Predecessor(
        sop_class_uid=replaced.sop_class_uid,
        sop_instance_uid=replaced.sop_instance_uid,
        series_uid=replaced.series_uid,
        analysed_at=ANALYSED_AT,
    )
    second = Analysis(result_of(study.study_uid, series, revision=2), volumes)
    cases["revision 2"] = study.case((first, ()), (second, (predecessor,)))
    return cases


def _sagittal(series: PhantomSeries, every: int) -> PhantomSeries:
    """Return an axial series cut into sagittal slices of square pixels: every so many columns, head upwards."""
    volume, labels = series.volume, series.labels
    assert labels is not None
    slice_mm, row_mm, _ = volume.geometry.spacing_mm
    finer = np.arange((volume.geometry.shape[0] - 1) * slice_mm, 0.0, -row_mm) / slice_mm
    array, mask = (
        np.ascontiguousarray(np.transpose(_between(item, finer, order)[:, :, ::every], (2, 0, 1)))
        for item, order in ((volume.array, 1), (labels, 0))
    )
    turned = np.array(volume.geometry.affine)[:, [2, 0, 1, 3]] * [every, -row_mm / slice_mm, 1, 1]
    turned[:3, 3] = volume.geometry.to_lps(np.array([finer[0], 0.0, 0.0]))
    cut = Volume(array=array, geometry=Geometry(array.shape, turned), modality=volume.modality)
    return replace(series, volume=cut, labels=mask, uid=f"{series.uid}.1", number=3)


def _between(array: NDArray[Any], slices: NDArray[np.float64], order: int) -> NDArray[Any]:
    """Return an array at slices between its own: the nearest (order 0), or a mixture of two (order 1)."""
    if order == 0:
        return np.asarray(array[np.rint(slices).astype(int)])
    low = np.floor(slices).astype(int)
    high = np.minimum(low + 1, array.shape[0] - 1)
    part = (slices - low).astype(np.float32)[:, None, None]
    return np.asarray(array[low] * (1 - part) + array[high] * part, dtype=np.float32)


def _one_slice(volume: Volume) -> Volume:
    """Return the middle slice of a volume as one of its own."""
    middle = volume.geometry.shape[0] // 2
    affine = np.array(volume.geometry.affine)
    affine[:3, 3] = volume.geometry.to_lps(np.array([middle, 0.0, 0.0]))
    shape = (1, *volume.geometry.shape[1:])
    array = np.array(volume.array[middle : middle + 1])
    return Volume(array=array, geometry=Geometry(shape, affine), modality=volume.modality)


@pytest.fixture(scope="package")
def page(
    viewer_files: Path,
    cases: dict[str, Case],
    require_tool: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ohif]:
    """OHIF in chromium, over an archive that holds every case."""
    program = require_tool("chromium")
    archive = Orthanc(
        require_tool("Orthanc"),
        tmp_path_factory.mktemp("orthanc"),
        parallel.free_port(),
        parallel.free_port(),
        plugins=(str(DICOM_WEB_PLUGIN),),
    )
    archive.start()
    try:
        for case in cases.values():
            for file in case.files:
                archive.upload(file)
        with ViewerServer(viewer_files, archive.http_port) as server, chromium(program) as browser:
            yield Ohif(browser.new_page(viewport={"width": 1400, "height": 900}), server.url)
    finally:
        archive.stop()
