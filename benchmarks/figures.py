"""One measured figure, its baseline and the aim."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """value and baseline in the same unit; aim is told for people."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    aim: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned columns."""
    rows = [("what", "value", "baseline", "ratio", "aim", "")]
    for figure in figures:
        base = f"{figure.baseline:.3g} {figure.unit} ({figure.baseline_name})" if figure.baseline else ""
        ratio = f"{figure.ratio:.2f}x" if figure.ratio else ""
        verdict = "" if figure.met is None else "met" if figure.met else "MISSED"
        rows.append((figure.name, f"{figure.value:.4g} {figure.unit}", base, ratio, figure.aim, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
