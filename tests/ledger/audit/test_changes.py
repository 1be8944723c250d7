from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.ledger.audit.writing import STUDY, add_study, rows
from trabecula.domain.audit.acting import Actor, acting_as
from trabecula.domain.audit.entry import ActorKind
from trabecula.domain.study.standing import Event
from trabecula.ledger.rows.studies import SqlStudyRows


def test_what_commands_do_is_written_and_what_a_page_does_stands_there_from_its_door(engine: Engine) -> None:
    add_study(engine)

    def note(who: str) -> None:
        with Session(engine) as session:
            SqlStudyRows(session).note(STUDY, Event(what="RETRIED", who=who, revision=2, detail="Mrs. Miller"))
            session.commit()

    note("system")
    note("anna")
    note("anna (token night)")
    note("root (command line)")
    with acting_as(Actor("anna", ActorKind.ACCOUNT, "10.0.0.5")):
        note("anna")

    found = rows(engine, "SELECT action, who, who_kind, address, detail FROM audit_entries ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        ("STUDY_CHANGED", "root (command line)", "command line", "", "RETRIED, revision 2"),
        ("STUDY_CHANGED", "anna", "account", "10.0.0.5", "RETRIED, revision 2"),
    ]
