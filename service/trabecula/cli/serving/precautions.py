"""What a service makes sure of when it starts: its folder is its own, what stands open is told, fonts are there."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import structlog

from trabecula.domain.addresses import is_loopback
from trabecula.domain.errors_of.fonts import CjkFontMissing
from trabecula.domain.language import Language
from trabecula.settings import Settings, unknown_variables
from trabecula.settings.loading import variable_in_words
from trabecula.settings.origins import open_secrets

log = structlog.get_logger(__name__)


def tell_openings(settings: Settings) -> None:
    """Log a warning for each variable that nothing reads, for secrets others may read, and where nobody may call."""
    for name in unknown_variables():
        log.warning("setting.ignored", name=name, reason=variable_in_words(name))
    if reason := open_secrets():
        log.warning("settings.exposed", reason=reason, next_step="chmod o-r, or use database_password_file")
    if not is_loopback(settings.dicom_host) and not settings.calling_ae_titles:
        log.warning(
            "listener.closed",
            host=settings.dicom_host,
            reason="calling_ae_titles is empty, so every caller from outside is refused",
            next_step="name the AE titles that may call; they are no authentication, TLS with tls_ca is",
        )


def keep_private(data_dir: Path) -> None:
    """Take other users' access to the data folder away, where it is ours.

    Root's embedded database runs as another user, which must be able to pass through the folder (not to list it).
    """
    mode = stat.S_IRWXU | (stat.S_IXGRP | stat.S_IXOTH if os.geteuid() == 0 else 0)
    folder = data_dir.expanduser()
    with contextlib.suppress(OSError):  # a mount that knows no modes; the folders inside guard themselves
        found = folder.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~mode:
            folder.chmod(mode)


def check_fonts(settings: Settings) -> str:
    """Return in words which fonts the pages of the destinations are drawn with. Raises CjkFontMissing."""
    # what draws pages is loaded only where a destination needs it: whoever supervises or listens draws none
    wanted = dict.fromkeys(Language(peer.language) for peer in settings.destinations if "SC" in peer.objects)
    needed = [language for language in wanted if language.needs_cjk_font]
    if not needed:
        return "packaged"
    from trabecula.reporting.languages.files import files_of
    from trabecula.reporting.picture.typefaces import typeface_of

    named = []
    for language in needed:
        typeface = typeface_of(language, settings.cjk_font)
        lacking = typeface.lacks("".join(files_of(language).phrases.values()))
        if lacking:
            raise CjkFontMissing(f"{typeface.regular} lacks {len(lacking)} signs of {language}, e.g. {lacking[:8]}")
        named.append(f"{language}: {typeface.regular}")
    return "; ".join(named)
