from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.audit.chain import FIRST, FaultKind, Head, KeptEntry, Seal, faults_of, faults_of_heads, sealed

MOMENT = datetime(2026, 11, 30, 12, 0, 0, 5, tzinfo=UTC)


def kept(number: int, **values: object) -> KeptEntry:
    base = KeptEntry(
        id=number, at=MOMENT, action="STUDY_VIEWED", outcome="SUCCESS", who="änna", who_kind="account", address="",
        studies=("ab",), patients=(), subject="", detail=f"entry {number}",
    )  # fmt: skip
    return replace(base, **values)  # type: ignore[arg-type]


def chain(count: int) -> list[tuple[Seal, KeptEntry]]:
    entries = [kept(100 - number) for number in range(count)]  # ids are in no order
    return list(zip(sealed(entries, Head(0, FIRST)), entries, strict=True))


def found(links: list[tuple[Seal, KeptEntry | None]]) -> list[tuple[FaultKind, int]]:
    digests = {seal.digest: seal.number for seal, _ in chain(5)}
    return [(fault.kind, fault.number) for fault in faults_of(links, digests)]


def test_the_bytes_that_are_sealed_are_these() -> None:
    whole = json.loads(kept(7).canonical())

    assert whole == [
        "trabecula-audit-1", 7, "2026-11-30T12:00:00.000005Z", "STUDY_VIEWED", "SUCCESS", "änna", "account", "",
        ["ab"], [], "", "entry 7",
    ]  # fmt: skip
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert kept(7, at=elsewhere).canonical() == kept(7).canonical()
    (first, _), (second, _) = chain(2)
    assert first.seal == hashlib.sha256(f"{'0' * 64}\n1\n{first.digest}".encode()).hexdigest()
    assert second.seal == hashlib.sha256(f"{first.seal}\n2\n{second.digest}".encode()).hexdigest()


def test_a_whole_chain_has_no_fault() -> None:
    assert found([*chain(5)]) == []


@given(place=st.integers(0, 4), values=st.sampled_from([{"who": "eve"}, {"detail": ""}, {"studies": ()}]))
def test_an_altered_entry_is_found_where_it_is(place: int, values: dict[str, object]) -> None:
    links: list[tuple[Seal, KeptEntry | None]] = [*chain(5)]
    links[place] = (links[place][0], replace(chain(5)[place][1], **values))  # type: ignore[arg-type]

    assert found(links) == [(FaultKind.ALTERED, place + 1)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True))
def test_missing_entries_and_seals_are_found(gone: list[int]) -> None:
    without = [(seal, None if seal.number - 1 in gone else entry) for seal, entry in chain(5)]
    assert found([*without]) == [(FaultKind.MISSING, place + 1) for place in sorted(gone)]

    left: list[tuple[Seal, KeptEntry | None]] = [link for link in chain(5) if link[0].number - 1 not in gone]
    told = found(left)
    inner = {place for place in gone if any(seal.number > place + 1 for seal, _ in left)}
    assert {kind for kind, _ in told} == ({FaultKind.MISSING} if inner else set())


def test_entries_that_changed_places_and_a_seal_made_anew_are_found() -> None:
    links: list[tuple[Seal, KeptEntry | None]] = [*chain(5)]
    links[1], links[2] = (links[1][0], links[2][1]), (links[2][0], links[1][1])
    assert found(links) == [(FaultKind.REORDERED, 2), (FaultKind.REORDERED, 3)]

    forged = kept(98, who="eve")
    (seal,) = sealed([forged], Head(2, chain(2)[1][0].seal))
    assert found([*chain(2), (seal, forged), *chain(5)[3:]]) == [(FaultKind.BROKEN, 4)]


def test_exported_heads_tell_of_an_end_that_was_cut_off_and_of_a_chain_made_anew() -> None:
    seals = {seal.number: seal.seal for seal, _ in chain(3)}
    heads = [Head(number, seals[number]) for number in seals]

    assert list(faults_of_heads(heads, seals, 3)) == []
    (cut,) = faults_of_heads(heads, {1: seals[1], 2: seals[2]}, 2)
    assert (cut.kind, cut.number, cut.words) == (
        FaultKind.TRUNCATED, 3, "the log ends at seal 2, and seal 3 was exported",
    )  # fmt: skip
    (anew,) = faults_of_heads(heads, seals | {2: "x"}, 3)
    assert (anew.kind, anew.number) == (FaultKind.REWRITTEN, 2)
