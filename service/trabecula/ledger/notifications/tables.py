"""The tables of what people were told: troubles that are open, and messages on their way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.ledger.tables import Base

_NOW = text("clock_timestamp()")


class OpenTrouble(Base):
    """A trouble that is there now; ``told_at`` is empty until it was told, ``told_size`` is how large it was then."""

    __tablename__ = "open_troubles"

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=_NOW)
    told_at: Mapped[datetime | None]
    told_size: Mapped[int] = mapped_column(server_default=text("0"))


class OutgoingMessage(Base):
    """A message on its way over one channel; ``key`` keeps the same one from being written twice."""

    __tablename__ = "outgoing_messages"
    __table_args__ = (
        UniqueConstraint("key", "channel"),
        Index(None, "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[str]
    channel: Mapped[str]
    kind: Mapped[str]
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_try_at: Mapped[datetime | None] = mapped_column(server_default=_NOW)
    """Empty once it was sent or given up."""
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default=text("''"))
