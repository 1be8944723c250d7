"""Why a service or a part of it does not start; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import ConfigurationInvalid, TrabeculaError


class PortTaken(ConfigurationInvalid):
    """Another program listens at our address."""

    code = "PORT_TAKEN"
    next_step = "End that program (`ss -ltnp` names it), or give this one another dicom_port."


class ServiceRunsAlready(TrabeculaError):
    """A `trabecula serve` runs on this data folder."""

    code = "SERVICE_RUNS_ALREADY"
    next_step = "Stop it first (systemctl stop trabecula), or give this one a data_dir and a dicom_port of its own."


class CodeUnknown(TrabeculaError):
    """Nothing has this code."""

    code = "CODE_UNKNOWN"
    next_step = "`trabecula explain` without a code lists all of them."


class PartDoesNotStart(TrabeculaError):
    """A part of the service does not start."""

    code = "PART_DOES_NOT_START"
    next_step = "The part told its reason just before; mend that and start the service again."
