from __future__ import annotations

from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from tests.builders import encoded, image, uid
from trabecula.intake.storage.part10 import IMPLEMENTATION_CLASS_UID, file_head

uids = st.from_regex(r"[12](\.(0|[1-9][0-9]{0,8})){1,6}", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(sop_class=uids, sop_instance=uids)
def test_pydicom_reads_the_head(sop_class: str, sop_instance: str) -> None:
    head = file_head(sop_class, sop_instance, "1.2.840.10008.1.2.1")

    file = dcmread(BytesIO(head + encoded(image(rows=2))))

    assert file.file_meta.FileMetaInformationGroupLength == len(head) - 144
    assert file.file_meta.MediaStorageSOPClassUID == sop_class
    assert file.file_meta.MediaStorageSOPInstanceUID == sop_instance
    assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert file.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert file.SOPInstanceUID == uid(1, 1, 1)


def test_the_same_instance_gives_the_same_head() -> None:
    assert file_head("1.2", "1.3", "1.4") == file_head("1.2", "1.3", "1.4")
