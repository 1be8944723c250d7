"""Every failure of tags and bulk actions an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class TagRefused(TrabeculaError):
    """This is no tag: at most 40 letters and digits, with - _ . and single spaces between them."""

    code = "TAG_REFUSED"
    next_step = "Choose a short word such as follow-up; nothing was changed."


class BulkRefused(TrabeculaError):
    """This cannot be done to every study of a filter."""

    code = "BULK_REFUSED"
    next_step = "Name one of the actions, with its destination or tag where it needs one; nothing was changed."


class BulkUnknown(TrabeculaError):
    """There is no bulk action of this number."""

    code = "BULK_UNKNOWN"
    next_step = "`trabecula bulk list` shows the numbers."
