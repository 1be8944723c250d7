from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.reporting.builders import Study, result_of
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.identifiers import Identities

PREDECESSOR = Predecessor(sop_class_uid="1.2", sop_instance_uid=InstanceUid("1.3"), series_uid=SeriesUid("1.4"))


def _identities(study: Study, analysis: Analysis | None = None, **context: object) -> Identities:
    return Identities.of(analysis or study.analysis(result_of(study)), study.context(**context), ReportingConfig())


def test_the_same_input_has_the_same_identities(ct: Study) -> None:
    assert _identities(ct).instance("SR") == _identities(ct).instance("SR")


def test_timings_do_not_change_the_identity(ct: Study) -> None:
    slow = ct.analysis(result_of(ct, timings_s={"segment": 99.0}))

    assert _identities(ct, slow) == _identities(ct)


def test_whatever_changes_the_content_changes_the_identity(ct: Study) -> None:
    result = result_of(ct)
    other_labels = Analysis(result, (replace(ct.volume, labels=np.zeros_like(ct.volume.labels)),))
    changed = [
        _identities(ct, ct.analysis(result_of(ct, revision=2))),
        _identities(ct, ct.analysis(result_of(ct, versions={"segmenter": "2"}))),
        _identities(ct, other_labels),
        _identities(ct, study_files=ct.files[:-1]),
        _identities(ct, installation_uid="2.25.9"),
        _identities(ct, predecessors=(PREDECESSOR,)),
        Identities.of(ct.analysis(result), ct.context(), ReportingConfig(manufacturer="Other")),
    ]

    uids = {item.instance("SR") for item in (_identities(ct), *changed)}

    assert len(uids) == len(changed) + 1


def test_tracking_follows_the_vertebra_not_the_model(ct: Study) -> None:
    before = _identities(ct)
    after = _identities(ct, ct.analysis(result_of(ct, versions={"segmenter": "2"}, revision=5)))

    assert before.tracking("L1") == after.tracking("L1")
    assert before.tracking("L1") != before.tracking("L2")


def test_kinds_and_series_never_share_a_uid(ct: Study) -> None:
    item = _identities(ct)

    uids = [item.instance("SR"), item.instance("SEG"), item.series("SR"), item.series("SEG"), item.tracking("L1")]

    assert len(set(uids)) == len(uids)


def test_an_organisation_can_use_its_own_root(ct: Study) -> None:
    config = ReportingConfig(uid_root="1.2.826.0.1.3680043.10.9999")

    uid = Identities.of(ct.analysis(result_of(ct)), ct.context(), config).instance("SR")

    assert uid.startswith("1.2.826.0.1.3680043.10.9999.")
    assert len(uid) <= 64
