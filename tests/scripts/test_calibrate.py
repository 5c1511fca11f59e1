"""The calibration page: what it measures is the intervals' coverage, and it says so where they miss."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts/calibrate.py"


@pytest.fixture(scope="module")
def calibrate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibrate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module
    spec.loader.exec_module(module)
    return module


def test_coverage_counts_the_intervals_that_hold_the_truth(calibrate: ModuleType) -> None:
    low, high = np.array([0.0, 0.2, 0.6, -1.0]), np.array([0.4, 0.5, 0.9, 0.2])
    found = calibrate._held(low, high, 0.45)
    assert (found.held, found.above, found.below, found.n) == (0.25, 0.25, 0.5, 4)
    assert not found.good


def test_every_measure_is_on_the_page_and_failures_are_marked(calibrate: ModuleType) -> None:
    setting = calibrate.SETTINGS[6]
    found = {setting.name: calibrate.measured(setting, 30, 49)}
    bad = calibrate.Coverage(0.5, 0.5, 0.0, 0.1, 0.0, 1000)
    means = {"15 of 600, normal": calibrate.claims("15 of 600, normal", 20)}
    text = calibrate.page({setting.name: found[setting.name] | {"bgv": bad}}, means, 30, 49, 20)
    for name in ("sii", "aci", "d", "ti", "mld", "pooled"):
        assert f"| `{name}` |" in text
    assert "| `bgv` | **50.0** |" in text
    assert "| A | `bgv` | 50.0% | 50.0% | 0.0% |" in text
    assert "| 15 of 600, normal |" in text


@pytest.mark.parametrize("place", [0, 6])
def test_intervals_hold_the_truth_about_as_often_as_they_say(calibrate: ModuleType, place: int) -> None:
    """A small simulation (the page has the large one): equal groups and graded ones."""
    for name, of in calibrate.measured(calibrate.SETTINGS[place], 150, 99).items():
        assert of.held >= 0.95 - 4 * np.sqrt(0.05 * 0.95 / 150), name
