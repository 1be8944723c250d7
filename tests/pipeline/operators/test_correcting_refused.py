"""The same images with a corrected patient: what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import pytest

from tests.builders import uid
from tests.databases import database_url, embedded_database_url
from tests.pipeline.operators.corrections import ALL, NEW, OLD, STUDY, THIRD, Source, adopt, source, standing
from trabecula.domain.errors import SpoolObjectMissing, StudyUnknown, TrabeculaError
from trabecula.domain.errors_of.copies import (
    CorrectionAltersImages,
    CorrectionIncomplete,
    CorrectionMissing,
    CorrectionMixed,
    CorrectionMovesImages,
    ReasonMissing,
)
from trabecula.ledger.queries.studies import show_study
from trabecula.pipeline import adopt_correction

__all__ = ["database_url", "embedded_database_url", "source"]

COMPRESSED = "1.2.840.10008.1.2.4.70"
IMPLICIT = "1.2.840.10008.1.2"


def refused(source: Source, error: type[TrabeculaError]) -> str:
    before = standing(source)
    with pytest.raises(error) as caught:
        adopt(source)
    assert standing(source) == before
    assert "RIGHT" not in str(caught.value)
    assert "WRONG" not in str(caught.value)
    return caught.value.sentence


def test_a_part_of_the_study_is_refused_and_what_is_missing_is_told(source: Source) -> None:
    source.send(range(1, 5), NEW)

    sentence = refused(source, CorrectionIncomplete)

    assert f"2 of 6 images did not come again: 1 of series {uid(1, 1)}, 1 of series {uid(1, 2)}" in sentence or (
        f"2 of 6 images did not come again: 1 of series {uid(1, 2)}, 1 of series {uid(1, 1)}" in sentence
    )


def test_a_part_that_mends_a_mixed_study_is_taken_over(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)
    source.send([1, 2], OLD)
    source.send([7], OLD)
    assert refused(source, CorrectionIncomplete)
    source.send([1, 2], NEW | {"StudyDescription": "corrected"})
    source.send([7], NEW)

    adopt(source)

    assert source.patients() == {"RIGHT-2"}


def test_two_patients_among_the_newer_headers_are_refused(source: Source) -> None:
    source.send(range(1, 4), NEW)
    source.send(range(4, 7), THIRD)

    assert "they differ from image to image in Patient ID" in refused(source, CorrectionMixed)


def test_a_third_version_that_is_still_arriving_is_not_mixed_with_the_second(source: Source) -> None:
    source.send(ALL, NEW)
    source.send([1, 2], THIRD)

    assert refused(source, CorrectionMixed)


def test_other_pixels_are_refused(source: Source) -> None:
    source.send(range(1, 6), NEW)
    source.send([6], NEW, PixelData=bytes(512))

    assert "1 of 6: pixels differ" in refused(source, CorrectionAltersImages)


def test_equal_pixels_that_would_be_read_otherwise_are_refused(source: Source) -> None:
    source.send(ALL, NEW, RescaleIntercept="-1000", PixelRepresentation=0)

    sentence = refused(source, CorrectionAltersImages)

    assert "they differ in Pixel Representation, Rescale Intercept" in sentence


def test_another_compression_cannot_be_compared_and_is_refused(source: Source) -> None:
    source.send(ALL, NEW, syntax=COMPRESSED)

    assert "another transfer syntax" in refused(source, CorrectionAltersImages)


def test_the_same_bytes_in_another_native_encoding_are_equal(source: Source) -> None:
    source.send(ALL, NEW, syntax=IMPLICIT)

    adopt(source)

    assert source.patients() == {"RIGHT-2"}
    assert set(source.world.rows("SELECT transfer_syntax_uid FROM instances")) == {IMPLICIT}


def test_the_same_headers_in_another_encoding_are_nothing_to_take_over(source: Source) -> None:
    source.send(ALL, OLD, syntax=IMPLICIT)

    assert "the same headers" in refused(source, CorrectionMissing)


@pytest.mark.parametrize("changes", [{"StudyInstanceUID": uid(9)}, {"SeriesInstanceUID": uid(9, 1)}])
def test_another_study_or_series_under_the_same_uids_is_shown_at_the_study_that_holds_them(
    source: Source, changes: dict[str, str]
) -> None:
    source.send(ALL, NEW, **changes)

    (conflict,) = show_study(source.world.engine, STUDY)["conflicts"]
    assert conflict["study_uid"] == changes.get("StudyInstanceUID", STUDY)
    assert "6 of 6 differ in " in refused(source, CorrectionMovesImages)
    assert source.world.rows("SELECT study_uid FROM studies") == [STUDY]


def test_a_study_that_is_only_in_quarantine_says_so(source: Source) -> None:
    source.send(ALL, NEW, StudyInstanceUID=uid(9))

    with pytest.raises(StudyUnknown, match="6 images that name it lie in quarantine"):
        show_study(source.world.engine, uid(9))


def test_a_new_accession_number_is_taken_over_for_the_whole_study_only(source: Source) -> None:
    source.send(range(1, 4), OLD, AccessionNumber="A2")
    assert refused(source, CorrectionIncomplete)
    source.send(range(4, 7), OLD, AccessionNumber="A2")

    adopt(source)

    assert source.world.rows("SELECT accession_number FROM studies") == ["A2"]


def test_a_reason_is_needed(source: Source) -> None:
    source.send(ALL, NEW)

    with pytest.raises(ReasonMissing) as caught:
        adopt_correction(source.world.services, STUDY, "tester", "  ")

    assert caught.value.code == "REASON_MISSING"
    assert source.patients() == {"WRONG-1"}


def test_a_copy_that_was_altered_on_disk_is_not_used(source: Source) -> None:
    source.send(ALL, NEW)
    (source.world.spool / "quarantine" / source.quarantined_files()[0]).write_bytes(b"altered")

    assert "1 of 6: not comparable" in refused(source, CorrectionAltersImages)


def test_a_file_in_use_that_is_lost_is_told(source: Source) -> None:
    source.send(range(1, 6), NEW)
    key = source.world.rows("SELECT spool_key FROM instances WHERE sop_instance_uid = :uid", uid=uid(1, 1, 6))[0]
    (source.world.spool / key).unlink()

    assert refused(source, SpoolObjectMissing)
