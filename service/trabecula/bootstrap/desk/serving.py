"""The server that runs the desk, on a database that may come later."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from sqlalchemy import Engine

from trabecula.bootstrap.desk.exposure import check_exposure
from trabecula.bootstrap.desk.parts import desk_parts
from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.joining import running_url
from trabecula.ledger.schema import check_schema
from trabecula.settings import Settings
from trabecula.web.access.encryption import EncryptedOnly
from trabecula.web.desk.app import desk_app
from trabecula.web.desk.parts import DeskParts
from trabecula.web.http.patience import MOST_CONNECTIONS, PatientProtocol
from trabecula.web.http.routes import Routes

log = structlog.get_logger(__name__)

_CONNECTIONS = 8
_BACKLOG = 128
_TRY_AGAIN_SECONDS = 30.0
_DRAIN_SECONDS = 5
_TO_ENCRYPT = "https"


class LateEngine:
    """The engine of a database that may come later, and of an embedded one that may come again at another place."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._url = ""
        self._engine: Engine | None = None

    def __call__(self) -> Engine:
        """Return the engine. Raises DatabaseUnavailable without a database, SchemaOutdated before it is migrated."""
        url = self._settings.database_url or running_url(self._settings.data_dir)
        if url is None:
            raise DatabaseUnavailable("the embedded database does not run")
        with self._lock:
            if self._engine is None or url != self._url:
                check_schema(url)
                self.close()
                self._engine, self._url = create_engine_for(url, pool_size=_CONNECTIONS), url
            return self._engine

    def url(self) -> str | None:
        """Return the URL of the database that runs, None where none does."""
        return self._settings.database_url or running_url(self._settings.data_dir)

    def close(self) -> None:
        """Drop its connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


class DeskServer:
    """Serves the desk on web_host and web_port in a thread, until it is stopped.

    A port that is taken is told and tried again: what else the process is there for goes on.
    """

    def __init__(self, settings: Settings, parts: DeskParts, monitoring: Routes) -> None:
        self._settings = settings
        self._app = desk_app(parts, monitoring)
        self._ended = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, on_ready: Callable[[str], None]) -> None:
        """Serve from now on, or from when the address is free; then ``on_ready`` gets the address.

        Raises ConfigurationInvalid where certificate and key cannot be used.
        """
        config = self._config()
        self._thread = threading.Thread(target=self._run, args=(config, on_ready), name="desk", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests; let the running ones end."""
        self._ended.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            EncryptedOnly(self._app),
            http=PatientProtocol,
            ws="none",
            limit_concurrency=MOST_CONNECTIONS,
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(settings.web_proxies),
            forwarded_allow_ips=list(settings.web_proxies),
            ssl_certfile=settings.web_tls_certificate,
            ssl_keyfile=settings.web_tls_key,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        try:
            config.load()
            if config.ssl is not None:
                config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        except OSError as error:  # ssl.SSLError is one
            where = error.filename or settings.web_tls_certificate
            raise ConfigurationInvalid(f"web_tls_certificate or web_tls_key ({where}): {error.strerror}") from error
        return config

    def _run(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        bound = self._bound()
        if bound is None:
            return
        with bound:
            self._server = uvicorn.Server(config)
            if self._ended.is_set():
                return
            on_ready(self._shown(bound))
            self._server.run([bound])

    def _bound(self) -> socket.socket | None:
        told = False
        while not self._ended.is_set():
            try:
                return self._bind()
            except OSError as error:
                if not told:
                    where = f"{self._settings.web_host}:{self._settings.web_port}"
                    log.error("web.refused", address=where, reason=error.strerror, again_every_s=_TRY_AGAIN_SECONDS)
                told = True
                self._ended.wait(_TRY_AGAIN_SECONDS)
        return None

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._settings.web_host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self._settings.web_host, self._settings.web_port))
            bound.listen(_BACKLOG)
        except OSError:
            bound.close()
            raise
        return bound

    def _shown(self, bound: socket.socket) -> str:
        scheme = _TO_ENCRYPT if self._settings.web_tls_certificate is not None else "http"
        host = f"[{self._settings.web_host}]" if ":" in self._settings.web_host else self._settings.web_host
        return f"{scheme}://{host}:{bound.getsockname()[1]}"


@contextmanager
def running_desk(settings: Settings, monitoring: Routes, on_ready: Callable[[str], None]) -> Iterator[LateEngine]:
    """Answer pages, API and monitors meanwhile. Raises DeskExposed, ConfigurationInvalid."""
    check_exposure(settings)
    engine = LateEngine(settings)
    server = DeskServer(settings, desk_parts(settings, engine), monitoring)
    server.start(on_ready)
    try:
        yield engine
    finally:
        server.stop()
        engine.close()
