from __future__ import annotations

import json
import logging
import threading
import warnings

import pytest
import structlog

from trabecula.logs import configure_logging, nothing_logged

pytest_plugins = ("pytester",)


def test_every_line_is_json_with_its_part_and_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", part="listen")

    with structlog.contextvars.bound_contextvars(association="a1"):
        structlog.get_logger("trabecula.test").info("instance.stored", size=3)
    logging.getLogger("another").warning("plain %s", "text")

    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["part"], first["association"], first["size"]) == (
        "instance.stored",
        "listen",
        "a1",
        3,
    )
    assert (second["event"], second["said"], second["level"]) == ("library.said", "plain text", "warning")


def test_keys_that_name_a_person_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")

    structlog.get_logger("trabecula.test").info("study.seen", patient_name="Doe^Jane", patient_id="4711")

    assert "Doe" not in capsys.readouterr().err


def test_warnings_of_pydicom_that_quote_values_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")

    logging.getLogger("pydicom").warning("Invalid value for VR LO: 'Doe^Jane'")

    assert capsys.readouterr().err == ""


def test_an_exception_is_told_by_type_and_place_never_by_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")

    try:
        raise ValueError("not a date: Doe^Jane 19500101")
    except ValueError:
        structlog.get_logger("trabecula.test").exception("stage.crashed")
        logging.getLogger("another").exception("plain")

    printed = capsys.readouterr().err
    ours, plain = (json.loads(line) for line in printed.splitlines())
    assert ours["error"] == plain["error"] == "ValueError"
    assert ours["at"][-1].startswith("test_logs.py:")
    assert "Doe" not in printed
    assert "Traceback" not in printed


def test_no_test_leaves_its_log_to_the_next(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import _log_as_it_was")
    pytester.makepyfile(
        """
        import logging, structlog
        from trabecula.logs import configure_logging

        def test_one(capsys):
            configure_logging("DEBUG")

        def test_next():
            assert not any(type(handler) is logging.StreamHandler for handler in logging.getLogger().handlers)
            assert not structlog.get_config()["cache_logger_on_first_use"]
        """
    )

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_every_thread_names_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", part="listen")

    thread = threading.Thread(target=lambda: structlog.get_logger("trabecula.test").info("connection.lost"))
    thread.start()
    thread.join()

    assert json.loads(capsys.readouterr().err)["part"] == "listen"


def test_warnings_and_crashed_threads_are_lines_of_the_log_without_their_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    with warnings.catch_warnings():
        configure_logging("INFO", part="listen")
        warnings.simplefilter("always")

        warnings.warn("not a date: Doe^Jane", UserWarning, stacklevel=1)
        thread = threading.Thread(target=lambda: int("Doe^Jane"), name="dicom-a1")
        thread.start()
        thread.join()

    warned, crashed = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (warned["event"], warned["kind"]) == ("warning.raised", "UserWarning")
    assert warned["at"].startswith("test_logs.py:")
    assert (crashed["event"], crashed["thread"], crashed["error"]) == ("thread.crashed", "dicom-a1", "ValueError")
    assert "Doe" not in json.dumps([warned, crashed])


def test_nothing_is_logged_beside_what_a_command_finds(capsys: pytest.CaptureFixture[str]) -> None:
    with nothing_logged():
        structlog.get_logger("x").error("database.awaited")
    assert capsys.readouterr() == ("", "")

    with structlog.testing.capture_logs() as lines:
        structlog.get_logger("x").error("database.awaited")
    assert [line["event"] for line in lines] == ["database.awaited"]
