"""What is wrong with the ledger a command was pointed at; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class LedgerMissing(TrabeculaError):
    """There is no ledger where this command looks."""

    code = "LEDGER_MISSING"
    next_step = (
        "Name the configuration of the service (--config FILE, or TRABECULA_CONFIG); `trabecula config show` tells "
        "where each setting comes from. A new ledger is made by `trabecula serve`."
    )


class ReaderRefused(TrabeculaError):
    """The reading role was not made."""

    code = "READER_REFUSED"
    next_step = "Take another name, or let an owner of the database make the role."
