"""One CT and one MR study, written once for the reporting tests of a module."""

from __future__ import annotations

import pytest

from tests.reporting.builders import Study, ct_study, enhanced_mr_study, mr_study


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return ct_study(tmp_path_factory.mktemp("ct"))


@pytest.fixture(scope="module")
def mr(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return mr_study(tmp_path_factory.mktemp("mr"))


@pytest.fixture(scope="module")
def enhanced_mr(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return enhanced_mr_study(tmp_path_factory.mktemp("enhanced"))
