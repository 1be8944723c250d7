"""``python -m bench desk``: eight readers, a bulk action on 10,000 studies, and the queue beside an export of all.

A ledger of its own on an embedded PostgreSQL (or ``--url``: one that ``bench.desk.seed`` has filled). ``page_p95_ms``
is what a user gets: whole pages over HTTP, with login, of ``trabecula serve`` on that ledger, while storescu sends to
its listener. ``page_queries_p95_ms`` are the same searches without it: the functions that pages and API call.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from bench import _latest
from bench._latest import Entry
from bench._receivers import ENVIRONMENT
from bench.desk.browsing import Browser, bulk_by_page, make_account, p95, read_on
from bench.desk.running import IMAGES, reception, running_desk
from bench.desk.seed import SITES, seed
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.services import services_of
from trabecula.domain.desk.bulk import BulkKind
from trabecula.domain.desk.search import Cursor, StudySearch
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.desk.overview import overview
from trabecula.ledger.desk.search import search
from trabecula.ledger.embedded import EmbeddedPostgres
from trabecula.ledger.queries.study_list import export_rows
from trabecula.ledger.schema import migrate
from trabecula.logs import configure_logging
from trabecula.pipeline import begin_bulk, work_on_bulk
from trabecula.settings import load_settings
from trabecula.web.desk.pages.studies import WORDS

READERS = 8
ACTIONS = {
    BulkKind.RESEND: StudyState.DONE,
    BulkKind.REPROCESS: StudyState.DONE,
    BulkKind.CANCEL: StudyState.ANALYSING,
    BulkKind.RETRY: StudyState.CANCELLED,
}
"""What is done to many studies, in an order in which each leaves what the next one needs."""
_BULK = 10_000
_TAKEN = 400
_REASONS = ("METAL", "GANTRY_TILT", "PATIENT_CONFLICT", "KVP_ADJUSTED", "DESTINATION_UNREACHABLE")


def searches(number: int) -> Iterator[StudySearch]:
    """Yield what a reader looks for: single filters, identifiers, and pairs of which many are rare or never."""
    chance = random.Random(number)
    while True:
        site = f"SITE{chance.randint(1, SITES):02}"
        since = datetime.now(UTC) - timedelta(days=chance.randint(1, 900))
        yield from (
            StudySearch(),
            StudySearch(site=site, state=StudyState.FAILED),
            StudySearch(text=f"pid{chance.randint(0, 999_999):08}"[:9]),
            StudySearch(category=chance.choice(list(Category)), reason=chance.choice(_REASONS)),
            StudySearch(scanner=chance.choice(["siemens", "st0", "signa", "aquilion"]), received_to=since),
            StudySearch(tag="follow-up", site=site),
            StudySearch(model="demo-mr", reason="NO_LUMBAR", sites=frozenset({site, "SITE01", "SITE20"})),
            StudySearch(undelivered="PACS", category=Category.NO_FLAG),
        )


def read_pages(url: str, number: int, seconds: float, took: list[float]) -> None:
    """Look at pages, each followed by its second page, and at the overview now and then; note milliseconds."""
    until = time.monotonic() + seconds
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        for count, wanted in enumerate(searches(number)):
            after: Cursor | None = None
            for _ in range(2):
                started = time.perf_counter()
                after = search(connection, wanted, after=after).next
                took.append(1e3 * (time.perf_counter() - started))
                if after is None:
                    break
            if count % 4 == 0:
                started = time.perf_counter()
                overview(connection, wanted.sites, datetime.now(UTC))
                took.append(1e3 * (time.perf_counter() - started))
            if time.monotonic() > until:
                return


def at_once(readers: Sequence[Callable[[], None]]) -> None:
    """Let all of them read at the same time, each in a thread of its own. Raises what the first that failed raised."""
    with ThreadPoolExecutor(len(readers)) as pool:
        for reading in [pool.submit(reader) for reader in readers]:
            reading.result()


def page_queries_p95(url: str, seconds: float) -> tuple[float, int]:
    """Return the 95th percentile in ms of eight readers' queries, and how many pages that were."""
    took: list[float] = []
    at_once([partial(read_pages, url, number, seconds, took) for number in range(READERS)])
    return p95(took), len(took)


def query_of(wanted: StudySearch) -> str:
    """Return the search as the address of a page has it; what a page cannot ask for stays out."""
    given = {name: getattr(wanted, name) for name in (*WORDS, "state", "category") if getattr(wanted, name)}
    if wanted.received_to is not None:
        given["to"] = f"{wanted.received_to:%Y-%m-%d}"
    return f"?{urlencode(given)}" if given else ""


def browse(address: str, account: str, number: int, seconds: float, took: list[tuple[str, float]]) -> None:
    """Look at pages through the web application, one after the other; note kind and milliseconds."""
    browser = Browser(address)
    browser.sign_in(account)
    read_on(browser, "", overview=True)  # not counted: pages are compiled and the pace of the disk is read first
    browser.took.clear()
    until = time.monotonic() + seconds
    for count, wanted in enumerate(searches(number)):
        read_on(browser, query_of(wanted), overview=count % 4 == 0)
        if time.monotonic() > until:
            break
    took += browser.took


def pages_with_reception(url: str, folder: Path, options: argparse.Namespace) -> list[Entry]:
    """Measure pages as a user gets them, then a bulk action begun on its page, both beside reception."""
    took: list[tuple[str, float]] = []
    with opened_engine(url) as engine:
        account = make_account(engine)
    with running_desk(url, folder) as desk, reception(desk.dicom_port, folder, options.send_every) as sent:
        time.sleep(10)  # the fork server warms up
        at_once([partial(browse, desk.pages, account, n, options.seconds, took) for n in range(READERS)])
        received = len(sent)
        browser = Browser(desk.pages)
        browser.sign_in(account)
        tag = f"bench-{time.time():.0f}"
        seconds, shown = bulk_by_page(browser, {"kind": "tag", "argument": tag}, "?state=DONE", url, _BULK)
    pace = f"every {options.send_every:g} s" if options.send_every else "one behind the other"
    beside = (
        f"trabecula serve receives {received} studies of {IMAGES} CT images meanwhile from one storescu, {pace} "
        f"({statistics.median(sent):.1f} s each); analysis is paused"
    )
    kinds = ", ".join(
        f"{kind} {p95([ms for of, ms in took if of == kind]):.0f} ms" for kind in sorted({kind for kind, _ in took})
    )
    pages = f"at most 300 ms; {READERS} readers without pauses, {len(took)} whole pages over HTTP with login ({kinds})"
    bulk = f"that it ends; a tag on {_BULK:,} studies begun on the page, which showed {shown} steps between"
    return [
        Entry("page_p95_ms", p95([ms for _, ms in took]), "ms", f"{pages}; {beside}"),
        Entry("bulk_10k_seconds", seconds, "s", f"{bulk}; {beside}"),
    ]


def bulk_seconds(url: str, folder: Path, kind: BulkKind, state: StudyState, studies: int) -> float:
    """Return how long a bulk action on the newest so many studies of a state takes, in this process."""
    with opened_engine(url) as engine:
        settings = load_settings(data_dir=folder, database_url=url, destinations=["PACS=PACS@127.0.0.1:9"])
        services = services_of(settings, engine)
        started = time.monotonic()
        argument = "PACS" if kind is BulkKind.RESEND else ""
        number = begin_bulk(services, kind, argument, StudySearch(state=state), who="bench", most=studies)
        work_on_bulk(services, lambda: False, 3600.0)
        seconds = time.monotonic() - started
    with psycopg.connect(conninfo_of(url)) as connection:
        row = connection.execute("SELECT state, done FROM bulk_actions WHERE id = %s", (number,)).fetchone()
    if row != ("ENDED", studies):
        raise RuntimeError(f"the bulk action did not end: {row}")
    return seconds


def fetch_p95(url: str, taken: int) -> float:
    """Put studies into the backlog and take them as a worker does; return the 95th percentile of a take in ms."""
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        uids = connection.execute("SELECT study_uid FROM studies WHERE state = 'ANALYSING' LIMIT 300").fetchall()
        took = []
        for number, (uid,) in zip(range(taken), itertools.cycle(uids), strict=False):
            connection.execute(
                "SELECT backlog_put('cpu', 1, 'priority', 'analyse', %s, 1, '', %s, 0)", (uid, f"bench:{number}")
            )
            started = time.perf_counter()
            job = connection.execute("SELECT id FROM backlog_take('cpu', NULL, 4)").fetchone()
            took.append(1e3 * (time.perf_counter() - started))
            assert job is not None
            assert job[0] is not None, "a study waits"
            connection.execute("DELETE FROM procrastinate_events WHERE job_id = %s", job)
            connection.execute("DELETE FROM procrastinate_jobs WHERE id = %s", job)
    return statistics.quantiles(took, n=20)[18]


@contextmanager
def exporting(url: str) -> Iterator[None]:
    """Export everything over and over in a process of its own, as a download does."""
    program = f"from bench.desk.__main__ import export_for_ever; export_for_ever({url!r})"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, cwd=_latest.ROOT) as process:
        try:
            time.sleep(3)
            yield
        finally:
            process.kill()


def export_for_ever(url: str) -> None:
    """Read the rows of an export of all until somebody kills it."""
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        while True:
            for _ in export_rows(connection):
                pass


def export_ratio(url: str) -> tuple[float, float, float]:
    """Return fetch p95 with an export over without, and both in ms; measured in turns, so that drift cancels out."""
    alone, beside = [], []
    fetch_p95(url, _TAKEN // 4)
    for _ in range(3):
        alone.append(fetch_p95(url, _TAKEN))
        with exporting(url):
            beside.append(fetch_p95(url, _TAKEN))
    return statistics.median(beside) / statistics.median(alone), statistics.median(alone), statistics.median(beside)


def list_seconds(url: str, folder: Path) -> float:
    """Return the median seconds of ``trabecula studies list``, the whole process."""
    environment = ENVIRONMENT | {"TRABECULA_DATABASE_URL": url, "TRABECULA_DATA_DIR": str(folder)}
    took = []
    for _ in range(7):
        started = time.perf_counter()
        command = [sys.executable, "-m", "trabecula", "studies", "list"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def measured(url: str, folder: Path, options: argparse.Namespace) -> list[Entry]:
    """Measure and return the figures."""
    with psycopg.connect(conninfo_of(url)) as connection:
        (studies,) = connection.execute("SELECT count(*) FROM desk_studies").fetchone() or (0,)
    of = f"{studies:,} seeded studies without images, all on this machine"

    def pages() -> list[Entry]:
        entries = pages_with_reception(url, folder, options)
        return [replace(entry, against=f"{entry.against}; {of}") for entry in entries]

    def queries() -> list[Entry]:
        milliseconds, count = page_queries_p95(url, options.seconds)
        against = f"no aim; the queries of {count} pages of {READERS} readers alone, without HTTP or reception; {of}"
        return [Entry("page_queries_p95_ms", milliseconds, "ms", against)]

    def bulks() -> list[Entry]:
        entries = []
        for kind, state in ACTIONS.items():
            seconds = bulk_seconds(url, folder, kind, state, options.bulk) * _BULK / options.bulk
            measured_on = f"{options.bulk:,} studies that were {state}"
            against = f"that it ends; measured on {measured_on}, in this process; {of}"
            entries.append(Entry(f"bulk_10k_{kind.lower()}_seconds", seconds, "s", against))
        return entries

    def export() -> list[Entry]:
        ratio, alone, beside = export_ratio(url)
        return [Entry("export_queue_ratio", ratio, "", f"at most 1.1; {beside:.2f} to {alone:.2f} ms; {of}")]

    def listing() -> list[Entry]:
        return [Entry("desk_list_seconds", list_seconds(url, folder), "s", f"at most 0.5 s, whole process; {of}")]

    measures = {"pages": pages, "queries": queries, "list": listing, "export": export, "bulk": bulks}
    found = []
    for name in options.only or measures:
        entries = measures[name]()
        for entry in entries:
            print(f"{entry.name:28s} {entry.value:10.3f} {entry.unit:4s} {entry.against}", flush=True)
        found += entries
    return found


def main() -> None:
    """Seed where there is no ledger yet, measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="a ledger that is seeded already; else one is made and removed")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the readers read")
    parser.add_argument(
        "--send-every", type=float, default=5.0, help="seconds from one study sent to the next; 0: no pause"
    )
    parser.add_argument(
        "--bulk", type=int, default=_BULK, help="on how many studies the other bulk actions are measured"
    )
    parser.add_argument("--only", nargs="*", choices=["pages", "queries", "list", "export", "bulk"], default=[])
    parser.add_argument("--folder", type=Path, default=_latest.ROOT / "out", help="a folder on a disk, not in memory")
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    configure_logging("WARNING", part="bench")
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="desk-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if options.url:
            entries = measured(options.url, folder, options)
        else:
            server = EmbeddedPostgres(folder / "database")
            try:
                url = server.start()
                migrate(url)
                seed(url, options.studies)
                entries = measured(url, folder, options)
            finally:
                server.stop()
    _latest.record(entries, seed=1, remark=options.remark)


if __name__ == "__main__":
    main()
