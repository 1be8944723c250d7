"""What keeps people from being told; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class MessageNotSent(TrabeculaError):
    """A message to people could not be sent."""

    code = "MESSAGE_NOT_SENT"
    next_step = (
        "It is tried again by itself. Check the mail server or webhook with `trabecula doctor --send-test-message`."
    )
    retryable = True


class SecretUnreadable(TrabeculaError):
    """A file with a secret cannot be read."""

    code = "SECRET_UNREADABLE"
    next_step = "Let the file named in the settings exist and be readable by the service's user alone (mode 0400)."
    retryable = True


class NobodyTold(TrabeculaError):
    """Nobody would be told of anything."""

    code = "NOBODY_TOLD"
    next_step = "Set smtp_host, smtp_from and smtp_to, or webhook_url; see Monitoring in docs/operators-guide.md."


class NothingReceived(TrabeculaError):
    """No image has come for too many working hours."""

    code = "NOTHING_RECEIVED"
    next_step = (
        "Ask the PACS whether its route is on and whether it reports failed transfers; working_hours, working_days and "
        "tell_silence_hours say when images are expected."
    )
