"""The coded vocabulary of the reports: data/codes.toml as Code values, and the codes of our own enumerations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept

from trabecula.data import data_file
from trabecula.domain import codes
from trabecula.domain.codes import PRIVATE_SCHEME, PRIVATE_SCHEME_NAME, PRIVATE_SCHEME_VERSION, Code
from trabecula.domain.language import Language
from trabecula.domain.models.endpoint import Endpoint
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, LevelResult, SeriesRole
from trabecula.domain.spine import Level

_CODE_LENGTH = 16
_MEANING_LENGTH = 64

_CATEGORY_KEYS = {
    Category.LOW_BONE_DENSITY_SUSPECTED: "low",
    Category.INDETERMINATE: "indeterminate",
    Category.NO_FLAG: "no_flag",
    Category.NOT_EVALUABLE: "not_evaluable",
}
_ROLE_KEYS = {SeriesRole.CT: "role_ct", SeriesRole.T1W: "role_t1", SeriesRole.T2W: "role_t2"}
_ENDPOINT_KEYS = {
    Endpoint.OSTEOPOROSIS: "probability_osteoporosis",
    Endpoint.ABNORMAL_BONE_DENSITY: "probability_abnormal",
}


@cache
def table() -> Mapping[str, Code]:
    """Return every concept of data/codes.toml by its key; levels are keyed by their name."""
    document = data_file("codes.toml")
    rows = {**document["concepts"], **document["levels"], **document["private"]}
    return MappingProxyType(
        {key: Code(row["value"], row.get("scheme", PRIVATE_SCHEME), row["meaning"]) for key, row in rows.items()}
    )


def concept(key: str) -> Code:
    """Return the concept of data/codes.toml with this key."""
    return table()[key]


def language_code(language: Language) -> Code:
    """Return the code of a language (PS3.16 TID 1204, CID 5000)."""
    return concept(language.name.lower())


def coded(code: Code | str) -> CodedConcept:
    """Return a code, or the concept with this key, as an item of a code sequence (PS3.3 8.8)."""
    code = concept(code) if isinstance(code, str) else code
    return CodedConcept(code.value, code.scheme, code.meaning)


def category_code(category: Category) -> Code:
    """Return the private code of a category."""
    return concept(_CATEGORY_KEYS[category])


def role_code(role: SeriesRole) -> Code:
    """Return the private code of what a series is used for."""
    return concept(_ROLE_KEYS[role])


def endpoint_code(endpoint: str) -> Code:
    """Return the concept of the probability a model gives for its endpoint; a general one for a site's own endpoint."""
    known = {str(item): key for item, key in _ENDPOINT_KEYS.items()}
    return concept(known.get(endpoint, "probability"))


def level_code(level: Level | None) -> Code:
    """Return the SNOMED CT code of a vertebra; the general code where the level is unknown or has none here."""
    return table().get(level.name, concept("vertebra")) if level else concept("vertebra")


def quality_code(level: LevelResult) -> Code:
    """Return the segmentation check of a level: passed, passed with a remark, or failed."""
    if not level.evaluable:
        return concept("quality_fail")
    return concept("quality_warn" if level.flags else "quality_pass")


def reason_code(reason: ReasonCode) -> Code:
    """Return the private code of a reason: its name, each word cut so that 16 characters hold it (longest first)."""
    return Code(_fitted(reason.name), PRIVATE_SCHEME, fitted_meaning(reason.sentence.rstrip(".")))


def method_code(method: str, of: Code) -> Code:
    """Return how a measurement was taken: a standard method where one exists, else the name of our own definition."""
    if of == codes.VOLUME:
        return concept("voxel_sum")
    if of == codes.VBQ:
        return concept("vbq_ratio")
    if not method:
        return concept("automatic")
    return Code(_fitted(method.upper().replace("-", "_")), PRIVATE_SCHEME, fitted_meaning(f"Region or method {method}"))


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Return the identification of our private scheme (PS3.3 C.12.1.1.13)."""
    return [
        CodingSchemeIdentificationItem(
            designator=PRIVATE_SCHEME,
            name=PRIVATE_SCHEME_NAME,
            version=PRIVATE_SCHEME_VERSION,
            responsible_organization="Trabecula project",
        )
    ]


def fitted_meaning(sentence: str) -> str:
    """Return words as a Code Meaning holds them: at most 64 characters, cut at a word."""
    if len(sentence) <= _MEANING_LENGTH:
        return sentence
    return sentence[: _MEANING_LENGTH - 4].rsplit(" ", 1)[0] + " ..."


def _fitted(name: str) -> str:
    words = [word for word in name.split("_") if word]
    while len("-".join(words)) > _CODE_LENGTH:
        longest = max(range(len(words)), key=lambda index: (len(words[index]), index))
        words[longest] = words[longest][:-1]
    return "-".join(words)
