from __future__ import annotations

import pytest

from trabecula.domain.addresses import is_loopback
from trabecula.domain.errors import CalledAeRefused, CallingAeRefused, StorageFull
from trabecula.intake.admission import Admission, DiskWatermark


def test_only_listed_callers_are_admitted() -> None:
    admission = Admission.for_host("TRABECULA", frozenset({"PACS"}), "127.0.0.1")

    admission.check("TRABECULA", "PACS")
    with pytest.raises(CallingAeRefused) as error:
        admission.check("TRABECULA", "STRANGER")
    assert error.value.code == "CALLING_AE_REFUSED"
    assert error.value.sentence == "The calling AE title is not on the list: STRANGER."
    assert "TRABECULA_CALLING_AE_TITLES" in error.value.next_step


def test_our_own_title_must_be_called() -> None:
    with pytest.raises(CalledAeRefused) as error:
        Admission("TRABECULA", frozenset(), anybody=True).check("OTHER", "PACS")

    assert error.value.code == "CALLED_AE_REFUSED"
    assert "it called OTHER" in error.value.sentence
    assert "TRABECULA_AE_TITLE" in error.value.next_step


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("pacs.example", False),
    ],
)
def test_without_a_list_only_this_machine_is_trusted(host: str, admitted: bool) -> None:
    assert Admission.for_host("TRABECULA", frozenset(), host).anybody is admitted
    assert is_loopback(host) is admitted


def test_a_destination_may_bring_its_answer_and_no_image() -> None:
    admission = Admission.for_host("TRABECULA", frozenset({"CT"}), "0.0.0.0", frozenset({"PACS"}))

    admission.check("TRABECULA", "PACS")
    admission.check("TRABECULA", "CT")
    with pytest.raises(CallingAeRefused):
        admission.check("TRABECULA", "OTHER")
    assert (admission.may_store("CT"), admission.may_store("PACS")) == (True, False)


def test_what_a_peer_calls_itself_cannot_break_a_log_line() -> None:
    with pytest.raises(CallingAeRefused) as error:
        Admission("T", frozenset({"PACS"})).check("T", "A\nB\x1b[31m and much more of it")

    assert "\n" not in error.value.sentence
    assert "\x1b" not in error.value.sentence


def test_the_watermark_follows_the_disk() -> None:
    free = iter([200 << 20, 99 << 20, 100 << 20])
    watermark = DiskWatermark(lambda: next(free), 100 << 20)

    watermark.check()
    with pytest.raises(StorageFull) as error:
        watermark.check()
    watermark.check()

    assert error.value.code == "STORAGE_FULL"
    assert error.value.dimse_status == 0xA700
    assert "99 MiB are free, 100 MiB must stay free" in error.value.sentence
    assert "Free space" in error.value.next_step
