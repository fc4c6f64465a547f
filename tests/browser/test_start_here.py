"""What a user does first: `make lab`, open notebook 01, run all, move a slider, export."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Seen, chromium, jupyter
from tests.needs import ROOT, absent

NOTEBOOK = "01_start_here.ipynb"
START_MS, RUN_MS, ANSWER_MS, SEARCH_MS = 60_000, 300_000, 20_000, 120_000


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory):
    """Notebook 01 after Run All, with the panel on the page."""
    path = ROOT / "notebooks" / NOTEBOOK
    if not path.exists():
        absent(f"notebooks/{NOTEBOOK} is not there")
    before = path.read_bytes()
    # A user's first visit: no window layout is remembered, and none of ours is left behind.
    kept = tmp_path_factory.mktemp("jupyter")
    own = [f"--LabApp.workspaces_dir={kept}", f"--LabApp.user_settings_dir={kept}"]
    with jupyter(*own) as url, chromium() as seen:
        seen.page.goto(url)
        seen.page.get_by_role("listitem", name=NOTEBOOK).dblclick()
        run_all(seen.page)
        yield seen
    assert path.read_bytes() == before


def run_all(page: Page) -> None:
    idle = page.locator("#jp-main-statusbar").get_by_text("| Idle")
    expect(idle).to_be_visible(timeout=START_MS)  # who runs cells before a kernel is there is asked for one
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_timeout(1000)
    # The kernel is idle for a moment between two cells; the notebook's own sign counts the cells to come.
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(timeout=RUN_MS)


def panel(page: Page) -> Locator:
    """Bring the panel on the page, which renders only the cells that are near."""
    found = page.locator(".wb-tuning")
    if not found.count():
        page.get_by_role("heading", name="What if?").scroll_into_view_if_needed()
    found.scroll_into_view_if_needed()
    return found


def test_nobody_asks_for_a_kernel_or_shows_news(seen: Seen):
    assert seen.page.locator(".jp-Dialog").all_inner_texts() == []
    expect(seen.page.locator(".Toastify__toast")).to_have_count(0)


def test_every_cell_runs_without_an_error(seen: Seen):
    seen.page.keyboard.press("Control+s")
    seen.page.wait_for_timeout(1000)
    cells = [c for c in seen.saved[NOTEBOOK]["cells"] if c["cell_type"] == "code"]
    assert [c["source"] for c in cells if c["execution_count"] is None] == []
    outputs = [output for c in cells for output in c["outputs"]]
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []
    assert [o["text"] for o in outputs if o.get("name") == "stderr"] == []


def test_a_slider_moved_by_keyboard_changes_numbers_and_curves(seen: Seen):
    desk = panel(seen.page)
    numbers = desk.locator(".wb-table").first
    expect(numbers).to_contain_text(" to ", timeout=ANSWER_MS)
    lines = desk.locator(".scatterlayer .js-line")
    drawn = [line.get_attribute("d") for line in lines.all()]
    told = numbers.inner_text()
    slider = desk.locator(".widget-hslider:visible").filter(has_text="workers")
    slider.locator(".noUi-handle").focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowRight")
    expect(numbers).not_to_have_text(told, timeout=ANSWER_MS, use_inner_text=True)
    expect(desk.locator(".wb-changed").first).to_be_visible()
    expect(numbers).not_to_contain_text("≈", timeout=ANSWER_MS)
    expect(lines.nth(1)).not_to_have_attribute("d", drawn[1] or "")  # the distribution, chosen
    expect(lines.nth(3)).not_to_have_attribute("d", drawn[3] or "")  # P99 against load, chosen
    assert lines.nth(0).get_attribute("d") is not None


def test_export_writes_files_and_the_panel_says_where(seen: Seen, tmp_path: Path):
    desk, folder = panel(seen.page), tmp_path / "tuned"
    field = desk.get_by_label("folder")
    field.fill(str(folder))
    field.press("Tab")
    desk.get_by_role("button", name="Export").click()
    expect(desk.get_by_text("Written:")).to_be_visible(timeout=ANSWER_MS)
    names = {path.name for path in folder.iterdir()}
    assert names == {"recommendation.json"} | {
        f"lab.yaml{end}" for end in ("", ".rollback", ".diff", ".rollback.diff")
    }


def test_from_a_search_the_front_is_walked_by_keyboard_and_settings_stand_side_by_side(seen: Seen):
    desk, page = panel(seen.page), seen.page
    desk.get_by_role("button", name="Find settings").click()
    expect(desk.get_by_text("Advice: change")).to_be_visible(timeout=SEARCH_MS)
    desk.get_by_role("tab", name="Side by side").click()
    desk.get_by_role("button", name="Keep as A").click()
    front = desk.locator(".widget-hslider").filter(has_text="front")
    readout = front.locator(".widget-readout")
    expect(readout).to_contain_text("1 of ")
    height = desk.bounding_box()["height"]
    front.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_contain_text("2 of ")
    desk.get_by_role("button", name="Keep as B").click()
    table = desk.locator(".wb-table").last
    expect(table.locator("th")).to_have_text(["", "now", "A", "B"])
    expect(table.locator("tr").filter(has_text="orders/workers")).to_contain_text("workers")
    expect(table).not_to_contain_text("…", timeout=ANSWER_MS)
    assert desk.bounding_box()["height"] == height  # nothing jumps
    desk.get_by_role("button", name="Take A").click()
    expect(desk.get_by_text("SLO holds")).to_be_visible()


def test_another_scenario_is_predicted_and_the_reasons_are_there_to_read(seen: Seen):
    desk = panel(seen.page)
    numbers = desk.locator(".wb-table").first
    told = numbers.inner_text()
    desk.get_by_label("scenario").select_option(label="1.5 × the load")
    expect(numbers).not_to_have_text(told, timeout=ANSWER_MS, use_inner_text=True)
    desk.get_by_label("scenario").select_option(label="as recorded")
    desk.get_by_role("tab", name="Why").click()
    expect(desk.get_by_text("twice the workers").first).to_be_visible(timeout=ANSWER_MS)


def test_what_was_searched_is_exported_in_another_format_and_loaded_again(seen: Seen, tmp_path: Path):
    desk, folder = panel(seen.page), tmp_path / "env"
    desk.get_by_role("tab", name="Files").click()
    desk.get_by_label("format").select_option(label=".env file")
    expect(desk.locator(".wb-diff")).to_contain_text("ORDERS_WORKERS=", timeout=ANSWER_MS)
    desk.get_by_label("folder").fill(str(folder))
    desk.get_by_label("folder").press("Tab")
    desk.get_by_role("button", name="Export").click()
    expect(desk.get_by_text("settings.env.rollback")).to_be_visible(timeout=ANSWER_MS)
    assert "ORDERS_WORKERS=4" in (folder / "settings.env.rollback").read_text()
    desk.get_by_title("Back to the recorded settings").click()
    expect(desk.get_by_text("No setting is changed")).to_be_visible()
    desk.get_by_role("tab", name="Load and verify").click()
    desk.get_by_label("recommendation").fill(str(folder / "recommendation.json"))
    desk.get_by_label("recommendation").press("Tab")
    desk.get_by_title("Load", exact=True).click()
    expect(desk.get_by_text("Loaded:")).to_be_visible(timeout=ANSWER_MS)
    expect(desk.locator(".wb-changed").first).to_be_visible()


def test_the_console_told_no_error(seen: Seen):
    assert seen.errors == []
