"""A recommendation loaded again: back onto the sliders, and verified by what was measured since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from workbench.errors import SettingError
from workbench.panels import _page
from workbench.readers import read
from workbench.settings import Settings
from workbench.tuning.export import RECORD
from workbench.tuning.recommendation import Frozen, thaw
from workbench.tuning.verify import verify


class Again:
    """`rows` are what people fill in; `verdict` is what came of the promise."""

    def __init__(self, folder: str, put: Callable[[Settings], None]) -> None:
        self._put = put
        self.record = _field("recommendation", f"{folder}/{RECORD}")
        self.before = _field("capture before", "")
        self.after = _field("capture after", "")
        self.load = widgets.Button(description="Load", icon="upload", layout={"width": "100px"})
        self.verify = widgets.Button(
            description="Verify", button_style="primary", icon="check", layout={"width": "100px"}
        )
        self.verdict = widgets.HTML(layout={"min_height": "24px"})
        self.rows = [
            widgets.HBox([self.record, self.load]),
            widgets.HBox([self.before, self.after, self.verify]),
            self.verdict,
        ]
        self.load.on_click(lambda _: self._say(self._loaded))
        self.verify.on_click(lambda _: self._say(self._verified))

    def _say(self, act: Callable[[], str]) -> None:
        self.verdict.value = _page.plain("Reading …")
        self.verdict.value = _page.in_words(act)

    def _loaded(self) -> str:
        promised = self._promised()
        self._put(promised.settings)
        moved = promised.current.difference(promised.settings)
        return _page.plain(f"Loaded: {', '.join(moved) or 'nothing'} differs from what was recorded then.")

    def _verified(self) -> str:
        for field in (self.before, self.after):
            if not field.value.strip():
                raise SettingError(
                    f"no {field.description}", where="verify", expected="the folder of a capture"
                )
        before, after = (read(Path(field.value).expanduser()) for field in (self.before, self.after))
        return _page.verified(verify(self._promised(), before, after))

    def _promised(self) -> Frozen:
        path = Path(self.record.value).expanduser()
        return thaw(path.read_text(encoding="utf-8"), where=str(path))


def _field(description: str, value: str) -> widgets.Text:
    return widgets.Text(
        value=value,
        description=description,
        style={"description_width": "125px"},
        layout={"width": "330px"},
    )
