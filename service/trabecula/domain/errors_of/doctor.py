"""What ``trabecula doctor`` finds wrong with a service as it runs; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class ListenerSilent(TrabeculaError):
    """Nobody receives images."""

    code = "LISTENER_DOWN"
    next_step = "Start `trabecula serve` (or `listen`), and look at its log: systemctl status trabecula."


class DeskSilent(TrabeculaError):
    """Pages and API are not answered."""

    code = "DESK_DOWN"
    next_step = "Start `trabecula serve` (or `web`), and look at its log for web.refused: the port may be taken."


class WorkersMissing(TrabeculaError):
    """Nobody works on what was received."""

    code = "WORKERS_MISSING"
    next_step = "Start `trabecula serve` (or `work`), and look at its log: systemctl status trabecula."


class WorkFailed(TrabeculaError):
    """Work failed and waits for a person."""

    code = "WORK_FAILED"
    next_step = (
        "See `trabecula studies list --state failed` and `studies show`; when the cause is gone, `trabecula studies "
        "retry --state failed` takes up all of them."
    )


class QuarantineFilled(TrabeculaError):
    """Instances that cannot be used were put aside."""

    code = "QUARANTINE_FILLED"
    next_step = "See them with `trabecula quarantine list`, then take them in or delete them."


class CertificateTrouble(TrabeculaError):
    """TLS will not work, or soon will not."""

    code = "CERTIFICATE_TROUBLE"
    next_step = (
        "Put a valid certificate, its key and the CA where tls_certificate, tls_key and tls_ca (for the desk: "
        "web_tls_certificate, web_tls_key) point, and restart."
    )


class TooFewFiles(TrabeculaError):
    """The system lets this program open too few files."""

    code = "TOO_FEW_FILES"
    next_step = "Raise LimitNOFILE of the unit (ulimit -n), or lower max_associations."
