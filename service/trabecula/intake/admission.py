"""Who may call, how many at once, and whether the disk still takes anything: pure rules with injected figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trabecula.domain.addresses import is_loopback
from trabecula.domain.errors import CalledAeRefused, CallingAeRefused, StorageFull


@dataclass(frozen=True)
class Admission:
    """AE titles that may associate. ``anybody`` is only for a listener that no other machine can reach.

    ``committing_ae_titles`` are peers that were asked for storage commitment: they may bring their answer (PS3.4 J.3.3)
    and nothing else.
    """

    own_ae_title: str
    calling_ae_titles: frozenset[str]
    anybody: bool = False
    committing_ae_titles: frozenset[str] = frozenset()

    @classmethod
    def for_host(
        cls,
        own_ae_title: str,
        calling_ae_titles: frozenset[str],
        host: str,
        committing_ae_titles: frozenset[str] = frozenset(),
    ) -> Admission:
        """Return the rule for a listener on ``host``: without a list, everybody on loopback and nobody elsewhere."""
        anybody = not calling_ae_titles and is_loopback(host)
        return cls(own_ae_title, calling_ae_titles, anybody=anybody, committing_ae_titles=committing_ae_titles)

    def may_store(self, calling_ae_title: str) -> bool:
        """Return whether this peer may send images."""
        return self.anybody or calling_ae_title in self.calling_ae_titles

    def check(self, called_ae_title: str, calling_ae_title: str) -> None:
        """Raise CalledAeRefused or CallingAeRefused unless this association may be."""
        if called_ae_title != self.own_ae_title:
            raise CalledAeRefused(f"it called {shown_ae_title(called_ae_title)}")
        if not self.may_store(calling_ae_title) and calling_ae_title not in self.committing_ae_titles:
            raise CallingAeRefused(shown_ae_title(calling_ae_title))


@dataclass(frozen=True)
class DiskWatermark:
    """Refuses to take more when less than ``min_free_bytes`` are free; ``free_bytes`` is asked each time."""

    free_bytes: Callable[[], int]
    min_free_bytes: int

    def check(self) -> None:
        """Raise StorageFull below the watermark."""
        free = self.free_bytes()
        if free < self.min_free_bytes:
            raise StorageFull(f"{free >> 20} MiB are free, {self.min_free_bytes >> 20} MiB must stay free")


def shown_ae_title(ae_title: str) -> str:
    """An AE title as it may stand in a log line: a peer chose it."""
    return "".join(character if character.isprintable() else "?" for character in ae_title[:16]) or "(empty)"
