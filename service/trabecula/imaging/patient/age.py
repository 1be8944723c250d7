"""The patient's age from all that the images say of it: dates and recorded ages, and what to do where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.limits import PATIENT
from trabecula.imaging.patient.headers import PatientHeader

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Age:
    """``years`` at the study, None where nothing or nothing certain is recorded; ``claimed`` are all plausible ages."""

    years: float | None = None
    claimed: tuple[float, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class _Claim:
    source: str
    years: float

    @property
    def words(self) -> str:
        return f"{self.source}: {int(self.years)} years"


def age_of(headers: Sequence[PatientHeader]) -> Age:
    """Return the age of one patient.

    Birth Date with the study's date counts, else Patient's Age. Ages that agree within the tolerance are one age; a
    known placeholder loses against a plausible age; two plausible ages that contradict give none, and so do dates of
    the study that contradict, unless Patient's Age confirms the day of acquisition.
    """
    reference = next((header.studied for header in headers if header.studied is not None), None)
    claims: list[_Claim] = []
    odd: list[str] = []
    for header in headers:
        found, told = _claims(header, reference)
        claims.extend(claim for claim in found if claim not in claims)
        odd.extend(words for words in told if words not in odd)
    if not claims:
        return Age(reasons=_told("; ".join(odd)))
    claims.sort(key=lambda claim: claim.source != "Birth Date")
    doubt = next((words for header in headers if (words := _days_differ(header))), "")
    odd.extend([doubt] if doubt else [])
    years = [claim.years for claim in claims]
    if doubt and len({claim.source for claim in claims}) == 1 and claims[0].source == "Birth Date":
        on_others = [_years(header.born, header.other_day) for header in headers if header.born and header.other_day]
        return Age(None, (*years, *(age for age in on_others if age >= 0)), _told(f"{'; '.join(odd)}; no age counts"))
    if max(years) - min(years) > PATIENT.agreement_years:
        words = "; ".join(dict.fromkeys(claim.words for claim in claims))
        return Age(None, tuple(years), _told("; ".join((words, *odd, "no age counts"))))
    counted = f"{claims[0].words} counts"
    return Age(years[0], tuple(years), _told("; ".join((*odd, counted))) if odd else ())


def placeholder(born: date) -> bool:
    """Return whether a birth date is one that programs write for "not known"."""
    return born.isoformat().replace("-", "") in PATIENT.placeholder_birth_dates


def _told(detail: str) -> tuple[Reason, ...]:
    return (Reason(code=ReasonCode.AGE_CONFLICT, blocking=False, detail=detail),) if detail else ()


def _claims(header: PatientHeader, reference: date | None) -> tuple[list[_Claim], list[str]]:
    """The plausible ages of one image at the reference date, and in words what was not believed."""
    day = header.studied or reference
    later = (reference - day).days / _YEAR_DAYS if reference and day else 0.0
    recorded, odd = _recorded(header)
    by_dates, told = _by_dates(header, day, recorded)
    odd.extend(told)
    if by_dates is not None and recorded is not None:
        recorded, told = _beside_dates(header, recorded, by_dates)
        odd.extend(told)
    found = [_Claim("Birth Date", by_dates + later)] if by_dates is not None else []
    if recorded is not None:
        found.append(_Claim("Patient's Age", recorded + later))
    return found, odd


def _days_differ(header: PatientHeader) -> str:
    """In words, that the dates of a study lie so far apart that Birth Date gives several ages."""
    day, other = header.studied, header.other_day
    if header.born is None or day is None or other is None:
        return ""
    if abs((day - other).days) <= PATIENT.date_agreement_years * _YEAR_DAYS:
        return ""
    return f"the images are dated {day.isoformat()} and {other.isoformat()}"


def _recorded(header: PatientHeader) -> tuple[float | None, list[str]]:
    recorded = header.recorded_age
    if recorded is not None and recorded > PATIENT.oldest_years:
        return None, [f"Patient's Age of {int(recorded)} years is not plausible"]
    return recorded, []


def _by_dates(header: PatientHeader, day: date | None, recorded: float | None) -> tuple[float | None, list[str]]:
    born = header.born
    if born is None or day is None:
        return None, []
    years = _years(born, day)
    if years < 0:
        return None, ["Birth Date lies after the study"]
    agrees = recorded is not None and abs(recorded - years) <= PATIENT.agreement_years
    if not agrees and years == 0:
        return None, ["Birth Date is the day of the study"]
    if not agrees and placeholder(born):
        return None, [f"Birth Date {born.isoformat()} stands for an unknown one"]
    if years > PATIENT.oldest_years:
        return None, [f"Birth Date gives {int(years)} years, which is not plausible"]
    if recorded is not None and not agrees and born.isoformat().replace("-", "") in PATIENT.doubtful_birth_dates:
        return None, [f"Birth Date {born.isoformat()} stands for an unknown one"]
    return years, []


def _years(born: date, day: date) -> float:
    """Age by the calendar, so that a birthday is a whole number of years."""
    if day < born:
        return (day - born).days / _YEAR_DAYS
    whole = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    month, last = (3, 1) if (born.month, born.day) == (2, 29) else (born.month, born.day)
    birthday = date(born.year + whole, month, last)
    return whole + max(0, (day - birthday).days) / (_YEAR_DAYS + 1)


def _beside_dates(header: PatientHeader, recorded: float, by_dates: float) -> tuple[float | None, list[str]]:
    """Patient's Age, or None where it is no age of its own beside the dates: 000Y, 090Y for older, a wrong unit."""
    agreement = PATIENT.agreement_years
    if abs(recorded - by_dates) <= agreement:
        return recorded, []
    if recorded == 0:
        return None, ["Patient's Age is 0"]
    if recorded in PATIENT.ages_of_all_older and by_dates > recorded:
        return None, []
    if header.age_number is not None and abs(header.age_number - by_dates) <= agreement:
        return None, ["Patient's Age has another unit than years"]
    return recorded, []
