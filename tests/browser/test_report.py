"""The page of `workbench report` in a real browser that has no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import chromium
from tests.panels import shop
from workbench.report import report_of_record, save
from workbench.tuning.export import export
from workbench.tuning.search import search


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    export(search(shop.twin(), ["orders/workers", "payments/workers"], budget=40), "lab_yaml", folder)
    return save(report_of_record(folder), folder / "report.html")


@pytest.mark.parametrize(("scheme", "ink"), [("light", "rgb(30, 35, 41)"), ("dark", "rgb(228, 231, 235)")])
def test_the_report_draws_its_figures_without_a_network_in_light_and_dark(page: Path, scheme: str, ink: str):
    asked: list[str] = []
    with chromium() as seen:
        seen.page.context.set_offline(True)
        seen.page.on("request", lambda request: asked.append(request.url))
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.goto(page.as_uri())
        expect(seen.page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        assert seen.page.locator(".js-plotly-plot").count() == 2
        title = seen.page.locator(".js-plotly-plot .g-gtitle text").first
        assert title.evaluate("it => getComputedStyle(it).fill") == ink
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 1280
        assert seen.errors == []
    assert asked == [page.as_uri()]
