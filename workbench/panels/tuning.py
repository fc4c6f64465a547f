"""The tuning panel: move settings, see what the twin expects, let it search, and export.

A move is answered at once by a quick look at one simulation; the load curve and the intervals follow in a
thread when the sliders rest.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from workbench.analysis.latency import ecdf
from workbench.errors import WorkbenchError
from workbench.figures.live import Figure, fit, live, redraw
from workbench.figures.tuning import tuning as effect
from workbench.network import Scenario
from workbench.panels import _page
from workbench.panels._again import Again
from workbench.panels._files import Files
from workbench.panels._front import Front
from workbench.panels._kept import Kept, side_by_side
from workbench.panels._quiet import Stale, WhenQuiet
from workbench.panels._scenarios import scenarios, slowed
from workbench.panels._sliders import column, sliders
from workbench.settings import Settings
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import Recommendation
from workbench.tuning.search import Progress, chosen, search
from workbench.twin._compiled import is_cached
from workbench.twin.model import LOADS, Cancelled, Prediction, Twin, glance, load_curve, predict
from workbench.twin.outcome import shown, unit

_PAUSE_S = 0.25
_REQUESTS = 150_000  # of an interval while sliders rest: about a second
_BUDGET = 150
_FIELDS = {"s": (1e3, "ms", 1.0), "share": (1e2, "%", 0.1), "1/s": (1.0, "/s", 1.0)}
_NO_SEARCH = "<p class='wb-faint'>The reasons follow a search.</p>"
_NO_CURVE = pd.DataFrame({"load_rps": [np.nan], "p99_s": [np.nan]})


def view(
    now_s: np.ndarray,
    chosen_s: np.ndarray,
    now_curve: pd.DataFrame,
    chosen_curve: pd.DataFrame,
    *,
    slos: tuple[SLO, ...] = (),
    recorded_rps: tuple[float, float] | None = None,
) -> Figure:
    """Draw latencies (s) and load curves (`load_curve`) of the present and of the chosen settings.

    `recorded_rps` is the mean and the peak load of the recording, to be marked.
    """
    return effect(
        {"now": ecdf(now_s, points=160), "chosen": ecdf(chosen_s, points=160)},
        {
            name: curve[["load_rps", "p99_s"]].rename(columns={"p99_s": "value_s"})
            for name, curve in (("now", now_curve), ("chosen", chosen_curve))
        },
        slo_s=next((slo.limit for slo in slos if slo.quantity == "p99_s" and slo.limit > 0), None),
        recorded_rps=recorded_rps,
    )


def panel(twin: Twin, *, objective: Objective | None = None, folder: str | Path = "tuned") -> widgets.Widget:
    """Give the panel of a twin; it exports to `folder`, relative to where the kernel runs."""
    return TuningPanel(twin, objective or Objective(), folder=str(folder))


class TuningPanel(widgets.VBox):
    """The widgets, and what they show: `sliders` by key, and the latest numbers for where these stand."""

    def __init__(
        self,
        twin: Twin,
        objective: Objective,
        *,
        folder: str = "tuned",
        pause_s: float = _PAUSE_S,
        budget: int = _BUDGET,
    ) -> None:
        self._twin, self._objective, self._budget = twin, objective, budget
        self._services = sliders(twin)
        self.sliders = {row.knob.key: row for rows in self._services.values() for row in rows}
        self._drawing = threading.RLock()  # the kernel's thread and ours both write to the page
        self._held = False
        self._now_s = self._chosen_s = np.array([])
        self._curves = {"now": _NO_CURVE, "chosen": _NO_CURVE}
        self._scenarios = scenarios(twin, objective)
        self._scenario = objective.scenarios[0]
        peak = float(twin.workload.rate_rps.max()) / twin.workload.mean_rps()
        self._loads = sorted({*LOADS, max(1.0, peak)})
        self._drawn: dict[tuple[str, Settings], pd.DataFrame] = {}
        self._quick: Mapping[str, float] | None = None
        self._known: dict[tuple[str, Settings], Prediction] = {}
        self._found: Recommendation | None = None
        self._stopped = threading.Event()
        self._searching: threading.Thread | None = None
        self._settling = WhenQuiet(self._settle, pause_s=pause_s)
        self._make(folder)
        super().__init__(self._rows())
        self.add_class("wb-tuning")
        compiles = "Compiling the twin, about 10 s, once per machine …"
        self._say("Predicting the present settings …" if is_cached() else compiles)
        self._settling.ask()

    @property
    def settings(self) -> Settings:
        """The settings at which the sliders stand."""
        return self._twin.settings.with_(
            {key: row.choice.value for key, row in self.sliders.items() if row.changed}
        )

    def wait(self, timeout_s: float = 60.0) -> bool:
        """Wait until search and intervals are done; False if that takes longer than `timeout_s`."""
        if self._searching:
            self._searching.join(timeout_s)
        return self._settling.wait(timeout_s)

    # What the panel is made of.

    def _make(self, folder: str) -> None:
        self.accordion = widgets.Accordion(
            [column(rows) for rows in self._services.values()],
            titles=tuple(self._services),
            selected_index=0,
            layout={"height": "100%", "overflow": "auto"},
        )
        self.limits = {slo.quantity: _limit(slo) for slo in self._objective.slos}
        self.verdict = widgets.HTML(layout={"flex": "1 1 auto", "min_width": "0"})
        self.numbers, self.notes = widgets.HTML(), widgets.HTML()
        self.find = widgets.Button(
            description="Find settings", button_style="primary", icon="search", layout={"width": "124px"}
        )
        self.stop = widgets.Button(description="Stop", icon="stop", disabled=True, layout={"width": "76px"})
        self.reset = widgets.Button(
            description="Reset",
            icon="undo",
            tooltip="Back to the recorded settings",
            layout={"width": "80px"},
        )
        self.progress = widgets.IntProgress(max=self._budget, layout={"width": "110px"})
        self.status = widgets.HTML(layout={"flex": "1 1 auto", "min_width": "0"})
        self.figure = live(self._view())
        self.changes, self.advice = widgets.HTML(), widgets.HTML(_NO_SEARCH)
        self.scenario = widgets.Dropdown(
            options=list(self._scenarios),
            description="scenario",
            tooltip="What happens meanwhile; a search holds the SLO in this one too",
            style={"description_width": "60px"},
            layout={"width": "290px"},
        )
        self.front = Front(self._twin, self._put)
        self.kept = Kept(lambda: self.settings, self._put)
        self.kept.kept = self._kept_one
        self.files = Files(self._twin, folder, lambda: self._recommendation(self._objective.scenarios[0]))
        self.again = Again(folder, self._put)
        for row in self.sliders.values():
            row.choice.observe(lambda _: self._moved(), "value")
        for field, _ in self.limits.values():
            field.observe(lambda _: self._limited(), "value")
        self.find.on_click(lambda _: self._find())
        self.stop.on_click(lambda _: self._stop())
        self.reset.on_click(lambda _: self._put(self._twin.settings))
        self.scenario.observe(lambda _: self._happens(), "value")
        self.files.target.observe(lambda _: self._show_changes(), "value")

    def _rows(self) -> list[widgets.Widget]:
        line = {"align_items": "center", "height": "36px", "width": "100%"}
        limits = [part for field, unit in self.limits.values() for part in (field, unit)]
        left = widgets.VBox([self.accordion], layout={"flex": "0 0 392px", "height": "352px"})
        right = widgets.VBox(
            [self.numbers, self.notes, self.changes],
            layout={"flex": "1 1 0", "height": "352px", "min_width": "0", "overflow": "auto"},
        )
        self.tabs = widgets.Tab(
            [
                widgets.VBox([self.files.row, self.files.exported, self.files.difference]),
                self.front.place,
                widgets.VBox([self.kept.row, self.kept.table]),
                self.advice,
                widgets.VBox(self.again.rows),
            ],
            titles=("Files", "Front", "Side by side", "Why", "Load and verify"),
            layout={"width": "calc(100% - 6px)", "height": "372px"},
        )
        self.tabs.observe(lambda _: self.front.measure(), "selected_index")
        return [
            widgets.HTML(_page.STYLE, layout={"height": "0px", "margin": "0"}),
            widgets.HBox([*limits, self.verdict], layout=line),
            widgets.HBox([self.find, self.stop, self.progress, self.reset, self.status], layout=line),
            widgets.HBox([left, right], layout={"width": "100%"}),
            widgets.HBox([self.front.walk, self.scenario], layout=line),
            self.figure,
            self.tabs,
        ]

    # What happens when a slider or a limit moves.

    def _moved(self) -> None:
        """Answer at once with a quick look; the rest follows when the sliders have come to rest."""
        if self._held:
            return
        self._settling.ask()  # first, so that work for the old place gives way
        with self._drawing:
            self._label()
            self.changes.value = _page.changes(self.settings, self._twin.settings, self._twin.knobs)
            if self._before is not None:
                self._look()

    @property
    def _before(self) -> Prediction | None:
        return self._known.get((self._scenario.name, self._twin.settings))

    def _happens(self) -> None:
        """Show another scenario; what is predicted for it follows."""
        self._scenario = self._scenarios[self.scenario.value]
        self._settling.ask()
        with self._drawing:
            if self._before is not None:
                self._now_s = self._before.latency_s
                self._look()
            else:
                self._say(f"Predicting: {self._scenario.name} …")

    def _kept_one(self) -> None:
        self._show_kept()
        self._settling.ask()

    def _look(self) -> None:
        settings = self.settings
        if (self._scenario.name, settings) in self._known:
            self._chosen_s = self._known[self._scenario.name, settings].latency_s
        else:
            seen = glance(self._twin, settings, scenario=self._scenario)
            self._quick, self._chosen_s = seen.numbers, seen.latency_s
        self._draw()

    def _limited(self) -> None:
        slos = tuple(
            replace(slo, limit=self.limits[slo.quantity][0].value / _field(slo)[0])
            for slo in self._objective.slos
        )
        self._objective = replace(self._objective, slos=slos)
        self._draw()

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Let several sliders move as one."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _put(self, settings: Settings) -> None:
        with self._together():
            for key, row in self.sliders.items():
                row.put(settings.get(key, row.now))
        self._moved()

    def _settle(self, stale: Stale) -> None:
        """Follow with the load curve and the intervals, unless a slider moves meanwhile."""
        try:
            self._follow(stale)
        except Exception as error:
            self._failed(error)

    def _follow(self, stale: Stale) -> None:
        twin, scenario, settings = self._twin, self._scenario, self.settings
        if self._before is None:
            before = predict(twin, {}, scenario=scenario, seed=1)
            with self._drawing:
                first = not self._known
                self._known[scenario.name, twin.settings] = before
                if scenario is not self._scenario:
                    return
                self._now_s = self._chosen_s = before.latency_s
                if first:
                    self._say("Move a slider, or let the twin find settings that hold the SLO.")
                    self._open_busiest(before)
                else:
                    self._say(f"Predicted: {scenario.name}.")
                self._look() if settings != twin.settings else self._draw()
        curves = {}
        for name, at in (("now", twin.settings), ("chosen", settings)):
            curve = self._curve(at, scenario, stale)
            if curve is None:
                return
            curves[name] = curve
        with self._drawing:
            self._curves = curves
            self._draw()
        for at in (settings, *self.kept.settings.values()):
            if not self._predicted(at, scenario, stale):
                return
        if not stale():
            with self._drawing:
                self._chosen_s = self._known[scenario.name, settings].latency_s
                self._draw()
                self._show_changes()
                self._show_kept()
                fit(self.figure)

    def _predicted(self, settings: Settings, scenario: Scenario, stale: Stale) -> bool:
        """Predict with intervals what is not known yet; False if a slider moves meanwhile."""
        if (scenario.name, settings) not in self._known:
            twin = self._twin
            runs = max(4, int(_REQUESTS / max(1.0, twin.workload.mean_rps() * twin.duration_s)))
            some = replace(twin, replicates=twin.replicates[:runs])
            try:
                self._known[scenario.name, settings] = predict(
                    some, settings, scenario=scenario, seed=1, cancelled=lambda: self._gives_way(stale)
                )
            except Cancelled:
                return False
        return True

    def _gives_way(self, stale: Stale) -> bool:
        """True if a slider has moved meanwhile; a move that is being answered is waited for."""
        with self._drawing:
            return stale()

    def _curve(self, settings: Settings, scenario: Scenario, stale: Stale) -> pd.DataFrame | None:
        """Give P99 at other loads, as slow as the scenario is; None if a slider moves meanwhile."""
        if (scenario.name, settings) in self._drawn:
            return self._drawn[scenario.name, settings]
        points, twin = [], slowed(self._twin, scenario)
        for load in self._loads:
            if self._gives_way(stale):
                return None
            points.append(load_curve(twin, settings, loads=(load,)))
        made = self._drawn[scenario.name, settings] = pd.concat(points, ignore_index=True)
        return made

    # What is shown.

    def _view(self) -> Figure:
        return view(
            self._now_s,
            self._chosen_s,
            self._curves["now"],
            self._curves["chosen"],
            slos=self._objective.slos,
            recorded_rps=(self._twin.workload.mean_rps(), float(self._twin.workload.rate_rps.max())),
        )

    def _draw(self) -> None:
        with self._drawing:
            prediction = self._known.get((self._scenario.name, self.settings))
            before = None if self._before is None else dict(self._before.table["value"])
            after = self._quick if prediction is None else dict(prediction.table["value"])
            if before is not None:
                redraw(self.figure, self._view())
            stations = [name for name in self._services if before and f"utilisation/{name}" in before]
            self.numbers.value = _page.numbers(before, after, prediction, stations or self._services)
            self.verdict.value = _page.verdict(self._objective.slos, after, prediction)
            self.notes.value = _page.notes(prediction.outside if prediction else ())

    def _label(self) -> None:
        titles = []
        for service, rows in self._services.items():
            for row in rows:
                row.say()
            moved = sum(row.changed for row in rows)
            titles.append(f"{service} – {moved} changed" if moved else service)
        if tuple(titles) != self.accordion.titles:
            self.accordion.titles = tuple(titles)

    def _show_changes(self) -> None:
        settings = self.settings
        self.changes.value = _page.changes(settings, self._twin.settings, self._twin.knobs)
        found = self._found if self._found and self._found.settings == settings else None
        self.advice.value = _page.advice(found) if found else _NO_SEARCH
        if (self._scenario.name, settings) in self._known:
            self.files.show(self._recommendation(self._scenario))

    def _show_kept(self) -> None:
        """Show what is kept, by the shown scenario."""
        columns = {"now": self._twin.settings, **self.kept.settings}
        known = {name: self._known.get((self._scenario.name, at)) for name, at in columns.items()}
        predicted = {name: one for name, one in known.items() if one is not None}
        self.kept.table.value = side_by_side(
            self.kept.settings, predicted, self._twin.settings, self._twin.knobs, self._objective.slos
        )

    def _open_busiest(self, before: Prediction) -> None:
        busy = [before.table["value"].get(f"utilisation/{name}", 0.0) for name in self._services]
        if self.accordion.selected_index == 0 and busy:
            self.accordion.selected_index = int(np.argmax(busy))

    def _failed(self, error: Exception) -> None:
        """Say it on the page; what is no error of ours is raised again, for the log."""
        self.status.value = _page.error(str(error) or type(error).__name__)
        if not isinstance(error, WorkbenchError):
            raise error

    def _say(self, text: str) -> None:
        self.status.value = _page.plain(text)

    # Search and export.

    def _find(self) -> None:
        if self._searching and self._searching.is_alive():
            return
        self._stopped.clear()
        self._enable(searching=True)
        self.progress.value, self.progress.bar_style = 0, ""
        self._say("Searching …")
        self._searching = threading.Thread(target=self._search, daemon=True, name="workbench search")
        self._searching.start()

    def _stop(self) -> None:
        self._stopped.set()
        self.stop.disabled = True
        self._say("Stopping: the best so far is being confirmed …")

    def _search(self) -> None:
        try:
            found = search(
                self._twin, objective=self._asked(), budget=self._budget, progress=self._progressed
            )
            self._take(found)
        except Exception as error:
            self._failed(error)
        finally:
            self._enable(searching=False)

    def _asked(self) -> Objective:
        """Give the objective, to be held in the shown scenario too."""
        named = {one.name: one for one in (*self._objective.scenarios, self._scenario)}
        return replace(self._objective, scenarios=tuple(named.values()))

    def _progressed(self, progress: Progress) -> bool:
        if not self._stopped.is_set():
            held = "holds the SLO" if progress.holds else "does not hold the SLO yet"
            self.progress.value = progress.evaluations
            self._say(f"{progress.evaluations} of {progress.budget} settings tried; the best {held}")
        return not self._stopped.is_set()

    def _take(self, found: Recommendation) -> None:
        with self._drawing:
            self._found = found
            first = self._objective.scenarios[0]
            self._known[first.name, self._twin.settings] = found.before
            self._known[first.name, found.settings] = found.after
            self.front.take(found)
            self._put(found.settings)
            self._show_changes()
        stopped = "Stopped. " if self._stopped.is_set() else ""
        self._say(f"{stopped}Advice: {found.advice}; {found.evaluations} settings tried.")

    def _enable(self, *, searching: bool) -> None:
        self.find.disabled = self.reset.disabled = searching
        self.stop.disabled = not searching
        self.scenario.disabled = searching
        for row in self.sliders.values():
            row.choice.disabled = searching or not row.knob.tunable

    def _recommendation(self, scenario: Scenario) -> Recommendation:
        """Give what is exported: the search's if the sliders still stand there, else a choice by hand.

        What is not known yet under `scenario` is predicted under the objective's first.
        """
        settings, slos = self.settings, self._objective.slos
        if self._found is not None and (self._found.settings, self._found.slos) == (settings, slos):
            return self._found
        return chosen(
            self._twin,
            settings,
            self._objective,
            before=self._known.get((scenario.name, self._twin.settings)),
            after=self._known.get((scenario.name, settings)),
            seed=0,
        )


def _field(slo: SLO) -> tuple[float, str, float]:
    """Give how an SLO's limit is written: times what, in which unit, in which steps."""
    return _FIELDS[unit(slo.quantity)]


def _limit(slo: SLO) -> tuple[Any, Any]:
    """Make the field in which an SLO's limit is edited, and its unit."""
    scale, written, step = _field(slo)
    name = str(slo).removesuffix(shown(slo.quantity, slo.limit))
    field = widgets.BoundedFloatText(
        value=round(slo.limit * scale, 6), min=0, max=1e9, step=step, description=name,
        style={"description_width": "initial"}, layout={"width": "150px"},
    )  # fmt: skip
    return field, widgets.HTML(written, layout={"width": "26px"})
