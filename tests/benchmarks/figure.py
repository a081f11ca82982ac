"""One measured figure: the median and spread of its repeats, beside a floor measured in the same run."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Figure:
    """`unit`: "/s" (more is better), "ms", "MB" or "s". `goal`: what it should reach, "x" units meaning times the floor."""

    group: str
    name: str
    unit: str
    values: Sequence[float]
    floor: Sequence[float] = ()
    floor_name: str = ""
    at_least: float | None = None  # of the unit
    at_most: float | None = None
    ratio_at_least: float | None = None  # of the floor
    ratio_at_most: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return middle(self.values)

    @property
    def ratios(self) -> list[float]:
        """How it stands to its floor, repetition by repetition where both took turns; empty without one."""
        if self.floor and len(self.floor) == len(self.values):
            return [ours / bare for ours, bare in zip(self.values, self.floor, strict=True)]
        return [self.median / middle(self.floor)] if self.floor else []

    @property
    def ratio(self) -> float | None:
        """Their median; None without a floor."""
        return middle(self.ratios) if self.floor else None

    @property
    def goal(self) -> str:
        """The goal in words, empty without one."""
        parts = []
        for bound, sign in ((self.at_least, "≥"), (self.at_most, "≤")):
            if bound is not None:
                parts.append(f"{sign} {number(bound)}{unit_of(self.unit)}")
        for bound, sign in ((self.ratio_at_least, "≥"), (self.ratio_at_most, "≤")):
            if bound is not None:
                parts.append(f"{sign} {bound:g} × floor")
        return ", ".join(parts)

    @property
    def met(self) -> bool | None:
        """Whether all its goals hold; None where it has none."""
        ratio = self.ratio
        checks = [
            None if self.at_least is None else self.median >= self.at_least,
            None if self.at_most is None else self.median <= self.at_most,
            None if self.ratio_at_least is None or ratio is None else ratio >= self.ratio_at_least,
            None if self.ratio_at_most is None or ratio is None else ratio <= self.ratio_at_most,
        ]
        known = [one for one in checks if one is not None]
        return all(known) if known else None

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Return ratio, name, value with spread, floor, goal, verdict."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} ×"
        if len(self.ratios) > 1:
            ratio += f" ({min(self.ratios):.2f}–{max(self.ratios):.2f})"
        value = f"{number(self.median)}{unit_of(self.unit)}{_spread(self.values)}"
        if self.note:
            value += f"; {self.note}"
        floor = ""
        if self.floor:
            floor = f"{number(middle(self.floor))}{unit_of(self.unit)}{_spread(self.floor)} {self.floor_name}"
        verdict = {None: "", True: "yes", False: "**no**"}[self.met]
        return ratio, self.name, value, floor, self.goal, verdict


def _spread(values: Sequence[float]) -> str:
    return f" ({number(min(values))}–{number(max(values))})" if len(values) > 1 else ""


def number(value: float) -> str:
    """Three digits, or as many as stand before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def unit_of(unit: str) -> str:
    """Return the unit as it follows a number."""
    return unit if unit.startswith("/") else f" {unit}"


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the 50th and the 99th percentile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000
