"""A worker process for tests: ``small_worker.py DATABASE_URL FOLDER``; analyses run in real children."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from tests.jobs.helpers import child_command, destinations
from tests.pipeline.world import make_world
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.child import ChildRunner
from trabecula.jobs.worker import run_worker


def main() -> None:
    """Work on all queues until SIGTERM; says ``ready`` on standard output."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    world = make_world(url, folder, destinations(), runner=ChildRunner(child_command("plain"), timeout_s=120.0))
    options = QueueOptions(heartbeat_s=1.0, stalled_s=10.0, rescue_cron="* * * * * */1", poll_s=1.0, grace_s=0.5)
    app = build_app(url, world.services, world.engine, options)
    run_worker(app, ("cpu", "io", "sys"), 1, on_ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
