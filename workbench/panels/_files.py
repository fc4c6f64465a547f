"""Where settings go: a format, a folder, the diff beforehand, and the files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from workbench import targets
from workbench.knobs import all_knobs
from workbench.panels import _page
from workbench.tuning.export import difference, export
from workbench.tuning.recommendation import Recommendation
from workbench.twin.model import Twin

_OWN = "lab_yaml"


class Files:
    """`row` is what people fill in, `difference` what would change, `exported` what was written."""

    def __init__(self, twin: Twin, folder: str, chosen: Callable[[], Recommendation]) -> None:
        self._chosen = chosen
        names = fitting(twin)
        style = {"description_width": "initial"}
        self.target = widgets.Dropdown(
            options=[(targets.target(name).FORMAT, name) for name in names],
            value=_OWN if _OWN in names else names[0],
            description="format",
            style=style,
            layout={"width": "250px"},
        )
        self.folder = widgets.Text(value=folder, description="folder", style=style, layout={"width": "180px"})
        self.base = widgets.Text(
            placeholder="the file in use, if any",
            description="edit",
            style=style,
            layout={"width": "220px"},
        )
        self.export = widgets.Button(
            description="Export", button_style="primary", icon="download", layout={"width": "100px"}
        )
        self.row = widgets.HBox([self.target, self.folder, self.base, self.export])
        self.exported, self.difference = widgets.HTML(layout={"min_height": "24px"}), widgets.HTML()
        self.export.on_click(lambda _: self._export())

    def show(self, recommendation: Recommendation) -> None:
        """Show what would change."""
        self.difference.value = _page.in_words(
            lambda: _page.difference(difference(recommendation, self.target.value))
        )

    def _export(self) -> None:
        self.exported.value = _page.plain("Writing …")
        self.exported.value = _page.in_words(self._write)

    def _write(self) -> str:
        folder, base = Path(self.folder.value).expanduser(), self.base.value.strip()
        paths = export(
            self._chosen(), self.target.value, folder, base=Path(base).expanduser() if base else None
        )
        return _page.plain("Written: " + ", ".join(os.path.relpath(path) for path in paths))


def fitting(twin: Twin) -> list[str]:
    """Give the formats that have a word for something that can be moved, or for any knob."""
    movable = {knob.path for knob in twin.knobs if knob.tunable}
    return [
        name
        for name, module in targets.targets().items()
        if not module.SYSTEMS
        or movable & {knob.path for system in module.SYSTEMS for knob in all_knobs(system, twin.network)}
    ]
