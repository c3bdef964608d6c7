"""What counts as met, and what the bench says of it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from . import proof
from .aims import KEYS_MS, Aim, of_keys, print_aims
from .load import Outcome, Spread
from .measure import Figures

AIM = Aim("a thing", "ms", 3.0, 5.0)
NONE = Spread(0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("aim", "met"),
    [
        (AIM, True),
        (replace(AIM, figure=5.0), False),
        (replace(AIM, figure=0.0), False),
        (replace(AIM, trouble="3 with 503"), False),
        (replace(AIM, under=None), True),
        (replace(AIM, under=None, figure=0.0), False),
    ],
)
def test_an_aim_is_met_by_a_figure_under_it_that_means_something(aim: Aim, met: bool) -> None:
    assert aim.met is met
    shown = io.StringIO()
    print_aims(Console(file=shown, width=130), "things", "compared with: others", [aim])
    assert ("missed" in shown.getvalue()) is not met
    assert aim.trouble in shown.getvalue()


def figures(contender: str, p99: float, reasons: dict[str, int]) -> Figures:
    spread = Spread(9, 1.0, 1.0, p99, p99)
    outcome = Outcome(
        9, 9, 0, reasons, 9, 1.0, 1.0, 9, 0, 0, NONE, NONE, NONE, spread, NONE, NONE, NONE, 0.1
    )
    return Figures(contender, "keys", outcome, 1.0, 0.1, 1.0, 1.0, 0.0, ())


def test_keys_are_compared_with_the_stock_application() -> None:
    (aim,) = of_keys([figures("stock-codes", 400.0, {}), figures("engine", 12.0, {})])
    assert (aim.figure, aim.under, aim.compared, aim.met) == (12.0, KEYS_MS, 400.0, True)
    (aim,) = of_keys([figures("engine", 12.0, {"masked while keys were not hidden": 1})])
    assert not aim.met
    assert aim.compared is None
    assert of_keys([figures("stock-codes", 400.0, {})]) == []


def test_either_proof_finds_the_leak_and_makes_it_silent(tmp_path: Path) -> None:
    at = 44 + 3410 * 32_000
    for prove in (proof.prove, proof.prove_plainly):
        path = tmp_path / "hour.wav"
        proof.make(path)
        with path.open("rb") as file:
            file.seek(at)
            assert any(file.read(32_000))
            assert prove(path)["seconds"] > 0
            file.seek(at)
            assert not any(file.read(32_000))
        path.unlink()
