"""Every failure of quarantine and of corrected headers an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class CorrectionMissing(TrabeculaError):
    """No newer headers of this study are in quarantine."""

    code = "CORRECTION_MISSING"
    next_step = "Have the source send the corrected study again; `trabecula studies show` then shows what differs."


class CorrectionIncomplete(TrabeculaError):
    """Not every image of the study came again with the newer headers, so two patients would be mixed."""

    code = "CORRECTION_INCOMPLETE"
    next_step = "Have the source send the whole corrected study again, then run the command again; nothing was changed."


class CorrectionMixed(TrabeculaError):
    """The newer headers name more than one patient."""

    code = "CORRECTION_MIXED"
    next_step = (
        "Wait until the whole study came again, or `trabecula quarantine delete` the copies that are wrong; nothing "
        "was changed."
    )


class CorrectionMovesImages(TrabeculaError):
    """The newer headers put the images into another study, series or class."""

    code = "CORRECTION_MOVES_IMAGES"
    next_step = (
        "Have the source send that study under new SOP Instance UIDs, then `trabecula quarantine delete` these copies; "
        "nothing was changed."
    )


class CorrectionAltersImages(TrabeculaError):
    """The newer copies are not the same images."""

    code = "CORRECTION_ALTERS_IMAGES"
    next_step = (
        "Compare them with `trabecula quarantine show`; have the source send altered images under new SOP Instance "
        "UIDs; nothing was changed."
    )


class CorrectionDisturbed(TrabeculaError):
    """Copies of the study kept arriving while the newer headers were compared."""

    code = "CORRECTION_DISTURBED"
    next_step = "Wait until the source has sent everything, then run the command again; nothing was changed."


class QuarantineEntryUnknown(TrabeculaError):
    """The quarantine holds no such entry."""

    code = "QUARANTINE_ENTRY_UNKNOWN"
    next_step = "See the numbers with `trabecula quarantine list` (`--all` shows what was ended, too)."


class ReleaseRefused(TrabeculaError):
    """What is in quarantine cannot be taken in as it is."""

    code = "RELEASE_REFUSED"
    next_step = (
        "See why with `trabecula quarantine show`; newer headers of a known image are taken over by `trabecula studies "
        "adopt`."
    )


class ConfirmationMissing(TrabeculaError):
    """This needs a confirmation."""

    code = "CONFIRMATION_MISSING"
    next_step = "Check the number of entries with `trabecula quarantine list` and the same filters, then add --yes."


class ReasonMissing(TrabeculaError):
    """The audit trail needs a reason in words."""

    code = "REASON_MISSING"
    next_step = 'Give it with --reason "why this is done".'
