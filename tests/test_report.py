"""One page for people without Jupyter: what was promised, in words, and nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.panels import shop
from workbench.cli import main
from workbench.errors import Malformed, SettingError
from workbench.report import is_record, report_of_record, save
from workbench.tuning.export import export
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search

OBJECTIVE = Objective((SLO("p99_s", 0.5), SLO("error_share", 0.01)))


@pytest.fixture(scope="module")
def found():
    return search(shop.twin(), ["orders/workers", "payments/workers"], OBJECTIVE, budget=40)


@pytest.fixture(scope="module")
def page(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    export(found, "lab_yaml", folder)
    return report_of_record(folder)


def test_the_page_says_what_changes_what_is_promised_and_what_was_refused(page, found):
    text = re.sub(r"<[^>]*>", "|", page[page.index("<main>") :])
    assert "4 workers" in text
    old, new = found.changes["orders/workers"]
    assert (old, new > 4) == (4, True)
    assert f"{new} workers" in text
    assert "90 % interval" in text
    assert "twice the workers" in text
    assert "P99 ≤ 500 ms" in text
    assert f"+    workers: {new}" in text
    assert "as recorded; a quarter more load" in text
    assert (
        "NaN" not in page[page.index("<main>") : page.index("plotly.js v") if "plotly.js v" in page else None]
    )


def test_the_drawing_library_is_in_the_page_once_and_nothing_is_asked_of_others(page):
    assert page.count("plotly.js v") == 1
    assert page.count('class="plotly-graph-div"') == 2
    assert re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page) == []
    assert "@import" not in page


def test_names_from_telemetry_are_text_and_never_markup(tmp_path):
    name = "<img src=x onerror=alert(1)>"
    found = search(
        shop.twin(bottleneck=name, name=name), [f"{name}/workers"], OBJECTIVE, budget=10, explain=False
    )
    (tmp_path / "recommendation.json").write_text(replace(found, advice="change").to_json())
    page = report_of_record(tmp_path / "recommendation.json")
    assert "&lt;img" in page
    assert "<img" not in page


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingError, match="cannot be written"):
        save("page", tmp_path / "file" / "report.html")
    assert save("page", tmp_path / "new" / "report.html").read_text() == "page"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]


def test_the_verb_takes_a_record_and_tells_a_capture_from_it(found, tmp_path, capsys):
    (tmp_path / "recommendation.json").write_text(found.to_json())
    assert is_record(tmp_path)
    assert not is_record(tmp_path / "absent")
    assert main(["report", str(tmp_path), "--to", str(tmp_path / "page.html")]) == 0
    assert "wrote" in capsys.readouterr().out
    assert "Change: by hand" in (tmp_path / "page.html").read_text()


def test_what_is_no_recommendation_is_malformed(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(Malformed):
        report_of_record(tmp_path / "other.json")
