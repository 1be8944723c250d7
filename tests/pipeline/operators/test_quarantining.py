"""What operators do with the quarantine: it is shown, taken in, deleted, and what they did stays in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import encoded, image, uid
from tests.databases import embedded_database_url
from tests.pipeline.operators.corrections import NEW, OLD, STUDY, Source, source_at
from tests.pipeline.world import CT_STORAGE
from trabecula.domain.errors import InstanceUnparsable, SpoolObjectMissing
from trabecula.domain.errors_of.copies import QuarantineEntryUnknown, ReasonMissing, ReleaseRefused
from trabecula.intake.storage.part10 import file_head
from trabecula.ledger.queries.quarantine import QuarantineFilter, list_quarantine
from trabecula.pipeline import adopt_correction, delete_entry, register_instance, release_entry, show_entry

__all__ = ["embedded_database_url"]


@pytest.fixture
def source(embedded_database_url: str, tmp_path: Path) -> Iterator[Source]:
    made = source_at(embedded_database_url, tmp_path)
    yield made
    made.world.engine.dispose()


SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def hold_as_unread(source: Source, number: int = 1, sop_class: str = CT_STORAGE, manufacturer: str = "Phantom") -> int:
    """Put a sound image into quarantine, as a version that could not read it would have; return its number."""
    data_set = image(1, 1, number, sop_class=sop_class)
    for keyword, value in OLD.items():
        setattr(data_set, keyword, value)
    data_set.Manufacturer = manufacturer
    content = file_head(data_set.SOPClassUID, data_set.SOPInstanceUID, "1.2.840.10008.1.2.1") + encoded(data_set)
    digest = hashlib.sha256(content).hexdigest()
    (source.world.spool / "quarantine" / f"{digest}.dcm").write_bytes(content)
    instance = source.world.instance(number, fault="INSTANCE_UNPARSABLE: not readable by version 0.1.")
    fields = {"sop_instance_uid": data_set.SOPInstanceUID, "sha256": digest, "spool_key": f"quarantine/{digest}.dcm"}
    for name, value in (fields | {"study_uid": "", "series_uid": "", "size_bytes": len(content)}).items():
        object.__setattr__(instance, name, value)
    register_instance(source.world.services.open_ledger, instance, 60.0)
    return int(source.world.rows("SELECT max(id) FROM quarantine")[0])


def states(source: Source) -> list[str]:
    return source.world.rows("SELECT state FROM quarantine ORDER BY id")


def test_what_can_be_read_now_is_taken_into_its_study_and_reported(source: Source) -> None:
    number = hold_as_unread(source)

    study_uid = release_entry(source.world.services, number, "tester", "read by the new version")
    source.finish()

    assert (study_uid, states(source)) == (STUDY, ["RELEASED"])
    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]
    assert source.world.rows("SELECT closed_by, closed_reason FROM quarantine") == [
        ("tester", "read by the new version")
    ]
    assert "RELEASED" in source.world.events(STUDY)
    assert source.quarantined_files() == []
    assert source.patients() == {"WRONG-1"}


def test_a_released_image_of_a_finished_study_opens_it_again(source: Source) -> None:
    source.send([2], OLD)
    source.finish()

    release_entry(source.world.services, hold_as_unread(source), "tester")

    assert source.world.state(STUDY) == "RECEIVING"


def test_the_released_image_sent_again_is_a_repetition(source: Source) -> None:
    release_entry(source.world.services, hold_as_unread(source, 2), "tester")

    source.send([2], OLD)

    assert states(source) == ["RELEASED"]
    assert source.world.rows("SELECT count(*) FROM instances") == [1]


def test_what_still_cannot_be_read_stays(source: Source) -> None:
    source.store(image(), content=b"this is no data set at all")
    (row,) = list_quarantine(source.world.engine)

    with pytest.raises(InstanceUnparsable):
        release_entry(source.world.services, row["number"], "tester")

    assert (states(source), len(source.quarantined_files())) == (["HELD"], 1)


def test_another_copy_of_an_image_in_use_is_not_released(source: Source) -> None:
    source.send([1], OLD)
    source.send([1], NEW)

    with pytest.raises(ReleaseRefused) as caught:
        release_entry(source.world.services, 1, "tester")

    assert caught.value.code == "RELEASE_REFUSED"
    assert "studies adopt" in caught.value.next_step
    assert (states(source), source.patients()) == (["HELD"], {"WRONG-1"})


def test_our_own_kind_of_object_is_not_released(source: Source) -> None:
    number = hold_as_unread(source, sop_class=SEGMENTATION, manufacturer="Trabecula")

    with pytest.raises(ReleaseRefused, match="own objects"):
        release_entry(source.world.services, number, "tester")


def test_a_deleted_entry_is_a_line_with_operator_and_reason_and_its_file_is_gone(source: Source) -> None:
    source.send([1], OLD)
    source.send([1], NEW)

    delete_entry(source.world.services, 1, "tester", "sent by mistake")

    assert source.quarantined_files() == []
    assert source.world.rows("SELECT state, closed_by, closed_reason, closed_at IS NULL FROM quarantine") == [
        ("DELETED", "tester", "sent by mistake", False)
    ]
    assert "DISCARDED" in source.world.events(STUDY)
    assert list_quarantine(source.world.engine) == []
    assert len(list_quarantine(source.world.engine, QuarantineFilter(ended=True))) == 1


def test_what_was_deleted_and_comes_again_is_held_again(source: Source) -> None:
    source.send([1], OLD)
    source.send([1], NEW)
    delete_entry(source.world.services, 1, "tester", "sent by mistake")

    source.send([1], NEW)

    assert states(source) == ["DELETED", "HELD"]
    assert len(source.quarantined_files()) == 1


def test_a_reason_is_needed_to_delete(source: Source) -> None:
    number = hold_as_unread(source)

    with pytest.raises(ReasonMissing):
        delete_entry(source.world.services, number, "tester", "")

    assert (states(source), len(source.quarantined_files())) == (["HELD"], 1)


def test_a_file_that_was_in_use_is_never_deleted(source: Source) -> None:
    source.send([1], OLD)
    source.send([1], NEW)
    adopt_correction(source.world.services, STUDY, "tester", "wrong patient")
    source.send([1], OLD)

    delete_entry(source.world.services, 2, "tester", "the router has the old headers")

    (key,) = source.world.rows("SELECT spool_key FROM former_copies")
    assert (source.world.spool / key).is_file()
    assert states(source) == ["ADOPTED", "DELETED"]


@pytest.mark.parametrize("number", [1, 99])
def test_what_was_ended_or_never_was_is_not_ended_again(source: Source, number: int) -> None:
    hold_as_unread(source)
    delete_entry(source.world.services, 1, "tester", "no use")

    with pytest.raises(QuarantineEntryUnknown) as caught:
        delete_entry(source.world.services, number, "tester", "again")

    assert caught.value.code == "QUARANTINE_ENTRY_UNKNOWN"


def test_an_entry_whose_file_is_lost_can_still_be_deleted_and_not_released(source: Source) -> None:
    number = hold_as_unread(source)
    (source.world.spool / "quarantine" / source.quarantined_files()[0]).unlink()

    with pytest.raises(SpoolObjectMissing):
        release_entry(source.world.services, number, "tester")
    delete_entry(source.world.services, number, "tester", "its file is lost")

    assert states(source) == ["DELETED"]


def test_an_entry_shows_its_header_and_what_differs(source: Source) -> None:
    source.send([1], OLD)
    source.send([1], NEW)

    full = show_entry(source.world.services, 1)

    assert {"Patient ID": "RIGHT-2", "Modality": "CT"}.items() <= {x.name: x.newer for x in full.attributes}.items()
    assert full.conflict is not None
    assert full.difference is not None
    assert "Patient ID" in {item.name for item in full.difference.attributes}


def test_an_entry_that_is_no_dicom_file_shows_that_nothing_can_be_read(source: Source) -> None:
    source.store(image(), content=b"\xff\xfe" * 500)

    full = show_entry(source.world.services, 1)

    assert (full.attributes, full.conflict) == ((), None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (QuarantineFilter(code="instance_conflict"), [2]),
        (QuarantineFilter(study_uid=STUDY), [2]),
        (QuarantineFilter(study_uid=uid(9)), [2]),
        (QuarantineFilter(study_uid="1.2"), []),
        (QuarantineFilter(number=1), [1]),
        (QuarantineFilter(), [2, 1]),
    ],
)
def test_filters_keep_what_matches(source: Source, wanted: QuarantineFilter, found: list[int]) -> None:
    source.store(image(5, 5, 5), content=b"no data set")
    source.send([1], OLD)
    source.send([1], NEW, StudyInstanceUID=uid(9))

    assert [row["number"] for row in list_quarantine(source.world.engine, wanted)] == found
