"""Figures in words."""

from __future__ import annotations

import pytest

from salus.publish import words


def test_rates_never_round_to_none_or_all() -> None:
    assert [words.percent(v) for v in (0.0, 0.0004, 0.4567, 0.9999, 1.0, None)] == [
        "0.0%", "<0.1%", "45.7%", ">99.9%", "100.0%", "–",
    ]  # fmt: skip
    assert [words.percent(v, 0) for v in (0.001, 0.5, 0.999)] == ["<1%", "50%", ">99%"]


def test_differences_carry_their_sign() -> None:
    assert [words.points(v) for v in (-0.123, 0.05, 0.0001, None)] == ["−12.3", "+5.0", "0.0", "–"]
    assert words.points_range(-0.2, 0.01) == "−20.0 to +1.0"


def test_ratios_may_have_no_upper_end() -> None:
    assert words.factor_range(1.204, float("inf")) == "1.20 to ∞"
    assert words.factor_range(None, None) == "–"


@pytest.mark.parametrize(
    ("attribute", "value", "label"),
    [
        ("uninsured", "yes", "Uninsured"), ("uninsured", "unknown", "Not known"),
        ("age_band", "18-44", "18–44 years"),
        ("race", "declined", "Declined to say"), ("race", "Asian; White", "Asian; White"),
    ],
)  # fmt: skip
def test_groups_and_attributes_are_named(attribute: str, value: str, label: str) -> None:
    assert words.group_label(attribute, value) == label
    assert words.attribute_label("zip") == "ZIP code"
    assert words.attribute_label("sde_payer") == "Sde payer"


def test_hidden_counts_are_marked() -> None:
    assert words.count(1234, "open") == "1,234"
    assert words.count(None, "small", 11) == "<11"
    assert words.count(None, "complementary", 11) == "hidden"


def test_days_and_periods() -> None:
    assert words.span(("2026-01-01", "2026-12-31")) == "1 January 2026 to 31 December 2026"
    assert words.span(None) == "period not stated"
    assert words.day("soon") == "soon"
