"""The border of thresholds: shipped values, a site's file over them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from trabecula.analysis.thresholds import load_thresholds
from trabecula.data import data_file
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.spine import Level


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_values_are_the_published_ones() -> None:
    shipped = load_thresholds()
    assert (shipped.attenuation.suspected_at_or_below_hu, shipped.attenuation.no_flag_above_hu) == (110.0, 160.0)
    assert shipped.vbq.references == ()
    assert shipped.deformity.expected_wedge_degrees["male"][Level.L1] == 4.1
    assert shipped.norm.expected_hu(77.0) == pytest.approx(101.0)
    assert shipped.norm.level is Level.L1


@pytest.mark.parametrize(("age", "known"), [(18.0, False), (26.9, False), (27.0, True), (89.9, True), (90.0, False)])
def test_nothing_is_expected_outside_the_ages_of_the_norm(age: float, known: bool) -> None:
    norm = load_thresholds().norm
    assert (norm.expected_hu(age) is not None) is known
    assert norm.expected_hu(126.0) is None


def test_a_site_overrides_one_number_and_adds_a_reference(tmp_path: Path) -> None:
    site = written(
        tmp_path,
        """
        [attenuation.category]
        roi_offset_hu = 12
        [[vbq.site_reference]]
        manufacturer_model = "Avanto"
        field_strength_t = 1.5
        tr_ms = [400, 700]
        suspected_at_or_above = 3.2
        no_flag_below = 2.4
        source = "our own 200 patients"
        """,
    )
    loaded = load_thresholds(site)
    assert loaded.attenuation.roi_offset_hu == 12.0
    assert loaded.attenuation.suspected_at_or_below_hu == 110.0
    assert loaded.vbq.references[0].fits("AVANTO", 1.49, 600.0)
    assert not loaded.vbq.references[0].fits("AVANTO", 3.0, 600.0)
    assert loaded.digest != load_thresholds().digest


@pytest.mark.parametrize(
    "text",
    [
        "[attenuation.category]\nsuspected = 1",
        "[attenuation.category]\nno_flag_above_hu = 'high'",
        "[attenuation.category]\nno_flag_above_hu = 100.0",
        "[[vbq.site_reference]]\nmanufacturer_model = 'x'",
        "not toml at all",
    ],
)
def test_a_site_file_that_does_not_fit_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        load_thresholds(written(tmp_path, text))
    assert caught.value.code == "CONFIGURATION_INVALID"
    assert "thresholds_file" in caught.value.sentence
    assert "TOML" in caught.value.next_step


def test_a_missing_site_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid):
        load_thresholds(tmp_path / "absent.toml")


@pytest.mark.parametrize("name", ["thresholds.toml", "gates.toml", "tokens.toml", "kernels.toml"])
def test_every_table_of_numbers_and_words_names_its_source(name: str) -> None:
    def check(table: object, place: str) -> None:
        if isinstance(table, list):
            for row in table:
                if isinstance(row, dict):
                    check(row, place)
        elif isinstance(table, dict):
            plain = [key for key, value in table.items() if not isinstance(value, (dict, list)) and key != "version"]
            lists = [key for key, value in table.items() if isinstance(value, list) and not isinstance(value[0], dict)]
            nested = {key: value for key, value in table.items() if key not in plain and key not in lists}
            if (
                (plain or lists)
                and set(plain) - {"source"} | set(lists)
                and set(table) != {"T12", "L1", "L2", "L3", "L4", "L5"}
            ):
                assert table.get("source"), place
            for key, value in nested.items():
                check(value, f"{place}.{key}")

    check(data_file(name), name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[deformity]\nalways_told_from_loss = 0.3\n", "never kept back"),
        ('[[deformity.rule]]\nsex = "O"\nfrom_age_years = 50\npatterns = []\npatterns_apart = []\n', "F or M"),
        ('[[deformity.rule]]\nsex = "F"\nfrom_age_years = 50\npatterns = []\npatterns_apart = []\n', "needs losses"),
        (
            '[[deformity.rule]]\nsex = "F"\nfrom_age_years = 50\npatterns = []\npatterns_apart = [[0.2, 0.15]]\n',
            "same least loss",
        ),
    ],
)
def test_rules_of_lost_height_that_do_not_fit_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=said):
        load_thresholds(written(tmp_path, text))


def test_a_site_may_tell_of_lesser_losses(tmp_path: Path) -> None:
    loaded = load_thresholds(written(tmp_path, "[deformity]\nalways_told_from_loss = 0.2\n"))

    assert loaded.deformity.always_told_from_loss == 0.2
    assert loaded.deformity.rules == load_thresholds().deformity.rules
