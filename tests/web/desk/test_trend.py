from __future__ import annotations

from datetime import date

from trabecula.web.desk.trend import HEIGHT, WIDTH, trend


def test_points_lie_in_order_of_days_and_higher_values_higher() -> None:
    values = [(date(2026, 1, 1), 110.0, "b"), (date(2024, 1, 1), 140.0, "a"), (date(2025, 1, 1), 120.0, "c")]

    chart = trend("Attenuation of L1", "HU", values, "b")

    assert chart is not None
    assert [point.study_uid for point in chart.points] == ["a", "c", "b"]
    assert [point.x for point in chart.points] == sorted(point.x for point in chart.points)
    assert chart.points[0].y < chart.points[1].y < chart.points[2].y
    assert all(0 < point.x < WIDTH and 0 < point.y < HEIGHT for point in chart.points)
    assert [point.current for point in chart.points] == [False, False, True]
    assert chart.words == "Attenuation of L1: 2024-01-01 140 HU, 2025-01-01 120 HU, 2026-01-01 110 HU"


def test_one_day_is_no_trend_and_equal_values_are_a_level_line() -> None:
    assert trend("VBQ", "", [(date(2026, 1, 1), 2.0, "a"), (date(2026, 1, 1), 3.0, "b")], "a") is None
    level = trend("VBQ", "", [(date(2025, 1, 1), 2.0, "a"), (date(2026, 1, 1), 2.0, "b")], "a")
    assert level is not None
    assert level.points[0].y == level.points[1].y
