"""The settings of one installation: every key, its unit in its name, and why its default is what it is."""

from __future__ import annotations

import os
import re
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from trabecula.domain.language import language_of
from trabecula.settings.audit import AuditSettings
from trabecula.settings.desk import DeskSettings
from trabecula.settings.monitoring import MonitoringSettings
from trabecula.settings_file import config_file

_PEER = re.compile(
    r"^(?:(?P<name>[A-Za-z0-9_-]{1,64})=)?(?P<ae>[^@\\]{1,16})@(?P<host>\[[^\]@\s]*\]|[^:@\[\]\s]+):(?P<port>\d{1,5})$"
)
_BARE_IPV6 = re.compile(r"^(?P<before>[^@]*@)(?P<host>[^@\[\]\s]*:[^@\[\]\s]*):(?P<port>\d+)$")


class PeerSettings(BaseModel):
    """A DICOM peer. As one string: ``NAME=AE_TITLE@host:port``; in TOML a table with more options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    ae_title: str = Field(min_length=1, max_length=16)
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    objects: tuple[str, ...] = ("SR", "SEG", "SC")
    """Which kinds of result objects this peer gets: SR, SEG, SC (the picture)."""
    commitment: bool = True
    """Ask the peer for storage commitment after sending."""
    tls: bool = False
    """Speak TLS to this peer, with our certificate and against tls_ca."""
    send_not_evaluable: Literal["always", "lumbar", "never"] | None = None
    """Overrules the setting of this name for this peer."""
    language: str = "en"
    """What its readers read in report and picture: en, de, fr, es, zh (simplified) or ja; codes and values stay."""

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        return str(language_of(value))

    @field_validator("objects")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(value) - {"SR", "SEG", "SC"}
        if unknown:
            raise ValueError(f"unknown object kinds {sorted(unknown)}; known are SR, SEG, SC")
        return value

    @field_validator("host")
    @classmethod
    def _address(cls, value: str) -> str:
        """The host as sockets take it: an IPv6 address without its brackets (RFC 3986 3.2.2, RFC 6874 for %zone)."""
        if not value.startswith("["):
            return value
        address = value.removeprefix("[").removesuffix("]")
        try:
            IPv6Address(address)
        except AddressValueError as error:
            raise ValueError(f"{address!r} in brackets is not an IPv6 address ({error})") from error
        return address

    @classmethod
    def parse(cls, text: str) -> PeerSettings:
        """Return the peer written as ``NAME=AE@host:port``; without NAME the AE title is the name.

        An IPv6 address stands in brackets: ``NAME=AE@[::1]:104``.
        """
        match = _PEER.match(text.strip())
        if match is None:
            bare = _BARE_IPV6.match(text.strip())
            if bare is not None:
                wanted = f"{bare['before']}[{bare['host']}]:{bare['port']}"
                raise ValueError(f"{text!r}: an IPv6 address stands in brackets, {wanted}")
            raise ValueError(f"{text!r} is not NAME=AETITLE@host:port")
        ae_title = match["ae"].strip()
        return cls(name=match["name"] or ae_title, ae_title=ae_title, host=match["host"], port=int(match["port"]))


class ExternalSegmenterSettings(BaseModel):
    """An external segmentation program: a command with {input}, {output} and {output_dir}, and how to read labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    label_map: str
    timeout_seconds: float = Field(default=900.0, gt=0)


def _default_data_dir() -> Path:
    """Return where data lies by default; a user without a home (as in some containers) has it where root has."""
    home = Path(os.path.expanduser("~"))
    return (
        Path("/var/lib/trabecula") if os.geteuid() == 0 or not home.is_absolute() else home / ".local/share/trabecula"
    )


class Settings(AuditSettings, DeskSettings, MonitoringSettings):
    """Every setting, its unit in its name, and why its default is what it is."""

    model_config = SettingsConfigDict(env_prefix="TRABECULA_", frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=_default_data_dir)
    """Spool, results and the embedded database. On several hosts: the shared volume."""
    database_url: str = ""
    """PostgreSQL URL; empty starts an embedded PostgreSQL in data_dir (one box)."""
    database_password_file: Path | None = None
    """File whose first line is the password of database_url (a systemd credential: %d/NAME), kept out of the URL."""

    ae_title: str = Field(default="TRABECULA", min_length=1, max_length=16)
    """Our AE title; calls to another called AE title are refused."""
    dicom_host: str = "127.0.0.1"
    """Address the listener binds; loopback until an admin decides otherwise."""
    dicom_port: int = Field(default=11112, ge=0, le=65535)
    """Port of the listener; 0 takes a free one and prints it."""
    calling_ae_titles: Annotated[tuple[str, ...], NoDecode] = ()
    """AE titles that may call. Empty: anybody on loopback, nobody on any other interface."""
    reader_ae_titles: Annotated[tuple[str, ...], NoDecode] = ()
    """AE titles from which a DICOM SEG is a reader's correction of our outlines and levels; none: no SEG is."""
    max_associations: int = Field(default=64, ge=1)
    """Associations at once; more are refused transiently (a router and several modalities use 10 to 30)."""
    min_free_gib: float = Field(default=2.0, ge=0)
    """Below this free space on the spool new instances are refused with 0xA700, so that nothing is half kept."""
    acknowledge_after: Literal["disk", "row"] = "disk"
    """Success (0x0000) after bytes and record are on the listener's own disk, or only after the row is committed."""
    journal_dir: Path | None = None
    """The listener's journal, on a disk of its own host (never a network mount); empty: journal/ in data_dir."""
    journal_limit_gib: float = Field(default=64.0, gt=0)
    """More than this waiting for its rows, and new instances are refused with 0xA700 (20 GiB are 40,000 CT images)."""
    listener_grace_seconds: float = Field(default=600.0, ge=0)
    """A listener silent for this long holds no study up any more (a host restarts in less); the result says so."""
    refused_hold_hours: float = Field(default=6.0, ge=0)
    """How long a study waits for images that were refused (a router tries again for hours); the result counts them."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """How long running associations may finish after SIGTERM."""

    tls_certificate: Path | None = None
    """PEM certificate of this installation; set, the listener speaks TLS only, and destinations with ``tls`` see it."""
    tls_key: Path | None = None
    """PEM key of tls_certificate."""
    tls_ca: Path | None = None
    """PEM certificates of those we trust: callers must show one of theirs, destinations are checked against it."""

    study_quiet_seconds: float = Field(default=60.0, ge=0)
    """A study without a new image for this long is taken as complete (a PACS router sends over many associations)."""
    archive: Annotated[PeerSettings | None, NoDecode] = None
    """AE@host:port of the source archive for the count check by C-FIND; none: quiet time alone."""
    destinations: Annotated[tuple[PeerSettings, ...], NoDecode] = ()
    """Where results go: NAME=AET@host:port (IPv6 as [::1]), comma-separated; TOML tables [[destinations]] tell more."""
    send_not_evaluable: Literal["always", "lumbar", "never"] = "lumbar"
    """Which "not evaluable" reports are sent: all, those of studies that may show the lumbar spine, or none."""
    delivery_give_up_hours: float = Field(default=72.0, ge=0)
    """A destination that does not take an object is tried for this long (a PACS may be down over a weekend)."""
    commitment_timeout_seconds: float = Field(default=900.0, gt=0)
    """How long to wait for a storage commitment answer before it is shown as missing."""

    bulk_ae_titles: Annotated[tuple[str, ...], NoDecode] = ()
    """AE titles of archives that are worked through: their studies are measured only when no other one waits."""
    workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=1)
    """Analyses at once on this host; one processor core each."""
    analysis_timeout_seconds: float = Field(default=900.0, gt=0)
    """An analysis that takes longer is ended and tried again."""
    max_attempts: int = Field(default=4, ge=1)
    """Runs of one job before it fails for good."""
    stalled_seconds: float = Field(default=45.0, ge=10)
    """A worker silent for this long is taken as dead and its jobs are run again (it is heard four times as often)."""

    keep_images_days: float | None = Field(default=None, gt=0)
    """Received images are removed so many days after a study was finished and confirmed; empty keeps them for ever."""
    keep_results_days: float | None = Field(default=None, gt=0)
    """The files of results (objects, label maps) likewise; values and identifiers stay in the ledger in any case."""

    segmenter: str = "network"
    """``network`` (the shipped one), ``dicom-seg`` or the name of a table under [external_segmenters]."""
    external_segmenters: dict[str, ExternalSegmenterSettings] = Field(default_factory=dict)
    """External segmentation programs by name."""
    bundles_dir: Path | None = None
    """A site's own model bundles, beside those shipped with the program."""
    bundle_keys: Annotated[tuple[str, ...], NoDecode] = ()
    """Public keys whose signature makes a site's own bundle believed (the lines of `trabecula models make-key`)."""
    thresholds_file: Path | None = None
    """A site's own thresholds (TOML, same keys as the shipped data/thresholds.toml); empty: the shipped ones."""

    uid_root: str = "2.25"
    """Root of the UIDs we issue; an organisation may use its own."""
    institution_name: str = ""
    """Written into the result objects when set."""
    send_without_patient_id: bool = False
    """Write and send results for studies without a Patient ID; off, they fail with a reason."""
    cjk_font: Path | None = None
    """Font file for pages in Chinese and Japanese; empty: that of the package fonts-noto-cjk, where it is installed."""
    burn_in_patient_name: bool = False
    """Print the patient's name on the picture; off, only Patient ID and study date identify it."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Threshold of the JSON log on standard error."""

    @property
    def journal_folder(self) -> Path:
        """Where the listener's journal lies."""
        return self.journal_dir or self.data_dir / "journal"

    @field_validator("calling_ae_titles", "reader_ae_titles", "bulk_ae_titles", "bundle_keys", mode="before")
    @classmethod
    def _split_titles(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("keep_images_days", "keep_results_days", mode="before")
    @classmethod
    def _empty_is_for_ever(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("destinations", mode="before")
    @classmethod
    def _split_destinations(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(PeerSettings.parse(part) for part in value.split(",") if part.strip())
        if isinstance(value, (list, tuple)):
            return tuple(PeerSettings.parse(item) if isinstance(item, str) else item for item in value)
        return value

    @field_validator("archive", mode="before")
    @classmethod
    def _parse_archive(cls, value: object) -> object:
        return (PeerSettings.parse(value) if value else None) if isinstance(value, str) else value

    @field_validator("destinations")
    @classmethod
    def _unique_names(cls, value: tuple[PeerSettings, ...]) -> tuple[PeerSettings, ...]:
        names = [peer.name for peer in value]
        if len(set(names)) != len(names):
            raise ValueError("two destinations have the same name")
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Settings:
        if self.smtp_host and not (self.smtp_to and self.smtp_from):
            raise ValueError("smtp_host needs smtp_from and smtp_to")
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Settings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
        if (self.web_tls_certificate is None) != (self.web_tls_key is None):
            raise ValueError("web_tls_certificate and web_tls_key belong together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        path = config_file()
        return sources if path is None else (*sources, TomlConfigSettingsSource(settings_cls, toml_file=path))
