from __future__ import annotations

import contextlib
import string
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from tests.intake.peers import CT, command_set
from trabecula.domain.errors import PeerViolation
from trabecula.intake.upper_layer.command import Command, CommandField, DimseStatus, decode_command, encode_response


def test_a_store_request_is_read() -> None:
    command = decode_command(command_set(1, sop_instance="1.2.34", message_id=77))

    assert command == Command(
        field=CommandField.C_STORE_RQ, message_id=77, has_data_set=True, sop_class_uid=CT, sop_instance_uid="1.2.34"
    )
    assert command.is_request


def test_a_response_is_no_request() -> None:
    assert not decode_command(command_set(0x8001)).is_request


@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from(DimseStatus),
    message_id=st.integers(0, 65535),
    sop_instance=st.sampled_from(["", "1.2.3", "1.2.34"]),
    comment=st.text(string.ascii_letters + " _", max_size=100),
    event_type=st.sampled_from([None, 1, 2]),
)
def test_pydicom_reads_our_response(
    status: DimseStatus, message_id: int, sop_instance: str, comment: str, event_type: int | None
) -> None:
    command = Command(
        field=0x0001,
        message_id=message_id,
        has_data_set=True,
        sop_class_uid=CT,
        sop_instance_uid=sop_instance,
        event_type=event_type,
    )

    data = encode_response(command, status, comment)

    answer = read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)
    assert answer.CommandGroupLength == len(data) - 12
    assert answer.CommandField == 0x8001
    assert answer.MessageIDBeingRespondedTo == message_id
    assert answer.CommandDataSetType == 0x0101
    assert answer.Status == status
    assert answer.AffectedSOPClassUID == CT
    assert answer.get("AffectedSOPInstanceUID", "") == sop_instance
    assert answer.get("EventTypeID") == event_type
    assert len(answer.get("ErrorComment", "")) <= 64


@pytest.mark.parametrize("data", [b"\0", command_set(1)[:-1], b"\x08\0\0\0\0\0\0\0", b""])
def test_what_is_no_command_set_is_a_violation(data: bytes) -> None:
    with pytest.raises(PeerViolation):
        decode_command(data)


@settings(max_examples=300)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(PeerViolation):
        assert decode_command(data) is not None
