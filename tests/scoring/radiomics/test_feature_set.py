"""Pinned sets: counts, names and digests."""

from __future__ import annotations

import pytest

from trabecula.scoring.radiomics.feature_set import SET_NAMES, feature_set_of, load_feature_set


def test_the_ct_set_has_the_1197_features_of_the_study() -> None:
    settings = load_feature_set("xue2022_ct")

    assert len(settings.names) == len(set(settings.names)) == 1197
    counts = {kind: sum(f"_{kind}_" in name for name in settings.names) for kind in settings.classes}
    assert counts == {
        "shape": 14, "firstorder": 234, "glcm": 286, "glrlm": 208, "glszm": 208, "ngtdm": 65, "gldm": 182,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "images"), [("xue2022_ct", 13), ("jiang2026_mr", 8), ("radscore_mr", 7)])
def test_every_set_names_its_images(name: str, images: int) -> None:
    settings = load_feature_set(name)

    assert len(settings.images) == images
    assert len(settings.names) == 14 + 91 * images


def test_a_set_is_found_by_its_digest_alone() -> None:
    digests = {load_feature_set(name).sha256 for name in SET_NAMES}

    assert len(digests) == len(SET_NAMES)
    assert all(feature_set_of(digest).sha256 == digest for digest in digests)  # type: ignore[union-attr]
    assert feature_set_of("0" * 64) is None
    with pytest.raises(KeyError):
        load_feature_set("other")
