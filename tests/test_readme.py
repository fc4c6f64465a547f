"""The whole files on README's page work as they stand there, by discovery alone."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.needs import ROOT
from workbench import knobs, readers, targets
from workbench.network import Call, Network, Pool, Station
from workbench.settings import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")
NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station("orders", Pool(4, 64), calls=(Call("payments"),)),
        Station("payments", Pool(16, 64)),
    ),
    "client",
)


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the file under a README heading where a seam looks for modules."""

    def planted(heading: str, seam: ModuleType, discover, name: str) -> None:
        section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
        assert code is not None
        (tmp_path / f"{name}.py").write_text(code[1], encoding="utf-8")
        monkeypatch.setattr(seam, "__path__", [*seam.__path__, str(tmp_path)])
        discover.cache_clear()
        undo.append(discover)

    undo: list = []
    yield planted
    monkeypatch.undo()
    for discover in undo:
        discover.cache_clear()


def test_the_format_on_the_page_reads_its_own_line(plant, tmp_path: Path) -> None:
    plant("Add a format", readers, readers.readers, "psi")
    line = "2026-11-20T10:00:00Z some avg10=1.53 avg60=0.87 avg300=0.22 total=58761459\n"
    log = tmp_path / "anything"
    log.write_text(line + "noise\n" + line.replace("10:00:00", "10:00:01").replace("8761459", "8861459"))
    capture = readers.read(log)
    assert capture.sources[0].format == "pressure log (PSI)"
    assert capture.sources[0].skipped == {"lines of another form": 1}
    stalled = capture.metric("pressure_stalled_seconds_total").iloc[:, 0]
    assert stalled.tolist() == [58.761459, 58.861459]


def test_the_knobs_on_the_page_move_the_network(plant) -> None:
    plant("Add a knob", knobs, knobs.systems, "uwsgi")
    found = knobs.all_knobs("uwsgi", NETWORK)
    assert [k.key for k in found if not k.tunable] == ["orders/harakiri", "payments/harakiri"]
    assert knobs.apply(NETWORK, found, {"orders/processes": 9}).get("orders.pool.servers") == 9


def test_the_target_on_the_page_edits_in_place(plant) -> None:
    plant("Add a knob", knobs, knobs.systems, "uwsgi")
    plant("Add a target", targets, targets.targets, "uwsgi_ini")
    module = targets.target("uwsgi_ini")
    known = [k for k in knobs.all_knobs(module.SYSTEMS[0], NETWORK) if k.service == "orders"]
    before = "# kept\n[uwsgi]\nprocesses = 4\nother = x\n"
    why = {"orders/processes": "because", "orders/harakiri": "as well"}
    once = module.edit(before, Settings({"orders/processes": 8, "orders/harakiri": 30}), known, why=why)
    assert once == (
        "# kept\n[uwsgi]\n# workbench orders/processes: because\nprocesses = 8\nother = x\n"
        "# workbench orders/harakiri: as well\nharakiri = 30\n"
    )
    twice = module.edit(once, Settings({"orders/processes": 9}), known, why={"orders/processes": "again"})
    assert twice == once.replace("because", "again").replace("= 8", "= 9")
    assert module.current(twice, known) == {"orders/processes": 9, "orders/harakiri": 30}


def test_every_format_and_target_is_listed() -> None:
    assert [r.FORMAT for r in readers.readers().values() if r.FORMAT not in README] == []
    assert [name for name in targets.targets() if f"`{name}`" not in README] == []


def test_the_first_screen_shows_both_commands_and_the_panel() -> None:
    screen = README[: README.index("## ")]
    assert "make lab" in screen
    assert "make test" in screen
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", screen)
    assert picture is not None
    assert (ROOT / picture[1]).is_file()
