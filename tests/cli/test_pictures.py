"""Pictures hold what they were given, as SVG and PNG, and say what is missing where they cannot be drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from handrail.calibration.metrics import reliability
from handrail.cli import pictures
from handrail.cli.pictures import Level, Mark, Series, curves, reliability_diagram
from handrail.errors import InvalidInput, Unavailable

needs_matplotlib = pytest.mark.skipif(pictures.mpl is None, reason="matplotlib is not installed")


def draw(path: Path) -> None:
    at = np.linspace(0, 1, 11)
    curves(
        path, title="Cost over the cut", x="threshold", y="cost a case",
        series=[
            Series(label="ours", x=at, y=at**2, low=at**2 - 0.1, high=at**2 + 0.1),
            Series(label="fixed 0.95", x=at, y=1 - at, shape="step", dashed=True),
            Series(label="seen", x=at, y=at, shape="points"),
        ],
        marks=[Mark(x=0.5, y=0.25, label="chosen")],
        levels=[Level(at=0.8, label="target"), Level(at=0.3, label="now", axis="x")],
        percent="x", y_range=(0, 1), note="1,000 cases",
    )  # fmt: skip


def diagram(path: Path) -> None:
    rng = np.random.default_rng(0)
    c = rng.beta(6, 2, 900)
    right = rng.random(900) < c
    reliability_diagram(path, reliability(c, right), title="Reliability", before=reliability(c**0.5, right))


@needs_matplotlib
def test_draw_svg_keeps_the_words_as_words(tmp_path: Path) -> None:
    draw(tmp_path / "curve.svg")
    text = " ".join(ElementTree.parse(tmp_path / "curve.svg").getroot().itertext())
    for word in ("Cost over the cut", "threshold", "fixed 0.95", "chosen", "target", "now", "1,000 cases", "60 %"):
        assert word in text


@needs_matplotlib
def test_draw_reliability_numbers_every_bin(tmp_path: Path) -> None:
    diagram(tmp_path / "reliability.svg")
    text = "".join(ElementTree.parse(tmp_path / "reliability.svg").getroot().itertext())
    assert text.count("60") >= 15
    assert "raw score" in text


@needs_matplotlib
@pytest.mark.parametrize("make", [draw, diagram])
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_draw_twice_gives_the_same_bytes(tmp_path: Path, make: Callable[[Path], Any], suffix: str) -> None:
    for name in ("one", "two"):
        make(tmp_path / f"{name}{suffix}")
    one = (tmp_path / f"one{suffix}").read_bytes()
    assert one == (tmp_path / f"two{suffix}").read_bytes()
    assert one.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


@needs_matplotlib
def test_draw_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        draw(tmp_path / "absent" / "curve.svg")


def test_draw_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="picture format"):
        draw(tmp_path / "curve.jpeg")


def test_draw_without_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "mpl", None)
    with pytest.raises(Unavailable) as caught:
        draw(tmp_path / "curve.svg")
    assert "handrail[report]" in caught.value.remedy
