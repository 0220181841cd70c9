"""How the picture of a workflow looks: colours for light and dark, and a sign for each kind of phase."""

from __future__ import annotations

from collections.abc import Mapping

from .graph import Look, Shape

SANS = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_LIGHT: Mapping[str, str] = {
    "paper": "#fcfcfd",
    "card": "#ffffff",
    "group": "#f4f5f8",
    "edge": "#d5d9e2",
    "ink": "#171a21",
    "soft": "#667085",
    "line": "#a2abbb",
    "route": "#7b61d1",
}
_DARK: Mapping[str, str] = {
    "paper": "#0f1218",
    "card": "#1a1f29",
    "group": "#141922",
    "edge": "#343c4c",
    "ink": "#eceff5",
    "soft": "#97a1b3",
    "line": "#5b667a",
    "route": "#a48ff0",
}
_KINDS: Mapping[Shape, tuple[str, str]] = {
    "agent": ("#5b5bd6", "#9b9ef0"),
    "command": ("#0f766e", "#4fc4b7"),
    "manual": ("#b45309", "#f0b45e"),
    "workflow": ("#be185d", "#f07fb1"),
    "parallel": ("#475467", "#97a1b3"),
    "map": ("#475467", "#97a1b3"),
    "flow": ("#0369a1", "#62bdf0"),
}
_LOOKS: Mapping[Look, tuple[str, str, str, str]] = {
    "running": ("#e3edff", "#1d4fd7", "#182a52", "#9cc1ff"),
    "waiting": ("#fdf0cf", "#92500a", "#3f2d0d", "#f7c96b"),
    "done": ("#daf5e3", "#16713a", "#12351f", "#7fdca0"),
    "again": ("#ece6fd", "#5f3dc4", "#2a2150", "#bfa8ff"),
    "failed": ("#fee4e2", "#b42318", "#4a1a17", "#ff9d94"),
    "skipped": ("#eaecf0", "#55607a", "#262d3a", "#a7b1c2"),
}
"""Fill and text, light and dark."""

SIGNS: Mapping[Shape, str] = {
    "agent": "M8 1.5 9.6 6.4 14.5 8 9.6 9.6 8 14.5 6.4 9.6 1.5 8 6.4 6.4Z",
    "command": "M2.5 4 6.5 8 2.5 12M8.5 12.5H13.5",
    "manual": "M8 7.5A2.7 2.7 0 1 0 8 2.1 2.7 2.7 0 0 0 8 7.5ZM2.8 14C3.2 11 5.3 9.6 8 9.6S12.8 11 13.2 14",
    "workflow": "M2.5 2.5H9.5V9.5H2.5ZM6.5 12.5V13.5H13.5V6.5H12.5",
    "parallel": "M4 2V14M8 2V14M12 2V14",
    "map": "M2 4H14M2 8H14M2 12H14",
    "flow": "M10.5 2H5.5V8H10.5V14H5.5M10.5 2V8M5.5 8V14",
}
"""Paths in a square of 16."""


def style_sheet() -> str:
    """The rules of the picture; the dark ones come into force with the reader's preference."""
    fixed = (
        f"text{{font-family:{SANS}}}.mono{{font-family:{MONO}}}.title{{font-size:17px;font-weight:650}}.about{{font-size:12px}}"
        ".name{font-size:13.5px;font-weight:620}.note{font-size:11px}.tag{font-size:10.5px;font-weight:600}"
        ".card,.group{stroke-width:1.25}.group{stroke-dasharray:5 4}.next,.arc{fill:none;stroke-width:1.5}"
        ".arc{stroke-dasharray:4 3}.taken{stroke-dasharray:none;stroke-width:2}.sign{fill:none;stroke-width:1.5;"
        "stroke-linecap:round;stroke-linejoin:round}.bar{fill:none;stroke-width:1.25}.far{opacity:.5}"
    )
    light = _rules(_LIGHT, 0)
    dark = _rules(_DARK, 1)
    return f"{fixed}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _rules(colour: Mapping[str, str], dark: int) -> str:
    rules = (
        f".paper{{fill:{colour['paper']}}}.card{{fill:{colour['card']};stroke:{colour['edge']}}}.bar{{stroke:{colour['edge']}}}"
        f".group{{fill:{colour['group']};stroke:{colour['edge']}}}.title,.name{{fill:{colour['ink']}}}"
        f".about,.note{{fill:{colour['soft']}}}.next{{stroke:{colour['line']}}}.tip,.dot{{fill:{colour['line']}}}"
        f".ring{{fill:none;stroke:{colour['line']};stroke-width:1.5}}.arc{{stroke:{colour['route']}}}"
        f".arctip{{fill:{colour['route']}}}.pill{{fill:{colour['paper']};stroke:{colour['route']};stroke-width:1}}"
        f".pilltext{{fill:{colour['route']}}}"
    )
    rules += "".join(
        f".sign.{kind}{{stroke:{pair[dark]}}}.badge.{kind}{{fill:{pair[dark]};fill-opacity:.13}}"
        for kind, pair in _KINDS.items()
    )
    return rules + "".join(
        f".chip.{look}{{fill:{four[2 * dark]}}}.chiptext.{look}{{fill:{four[2 * dark + 1]}}}"
        f".card.{look}{{stroke:{four[2 * dark + 1]};stroke-opacity:.55}}"
        for look, four in _LOOKS.items()
    )
