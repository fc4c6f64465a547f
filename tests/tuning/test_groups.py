"""Groups of one traffic, split by what the callers' spans say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.twin import hand
from workbench import tables
from workbench.cli import main
from workbench.errors import Contradiction
from workbench.tuning.groups import groups
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import chosen
from workbench.tuning.verify import BETTER, verify
from workbench.twin.model import AS_RECORDED
from workbench.twin.simulate import simulate

NARROW = hand.twin(hand.CALM.with_({"orders/workers": 2}), hand.workload([28.0]), duration_s=40)
WIDE = {"orders/workers": 6}


def labelled(capture, group):
    """The capture with the group on its root spans, and trace ids of its own."""
    spans = capture.spans
    said = np.where(spans["parent_id"].isna(), group, "")
    attributes = pd.Series([[("group", g)] if g else [] for g in said]).astype(tables.MAP)
    return spans.assign(attributes=attributes, trace_id=group + spans["trace_id"].str[1:])


@pytest.fixture(scope="module")
def both():
    """A of 28/s at 2 workers and B of 28/s at 6, at the same time, in one capture."""
    a, b = simulate(NARROW, duration_s=40, seed=1), simulate(NARROW, WIDE, duration_s=40, seed=2)
    spans = tables.SPANS.concat([labelled(a, "A"), labelled(b, "B")])
    return a, b, replace(a, spans=spans, settings=type(a.settings)({}))


def test_each_group_has_the_traces_of_its_roots(both):
    a, b, capture = both
    found = groups(capture, "group")
    assert list(found) == ["A", "B"]
    assert len(found["A"].spans) == len(a.spans)
    assert len(found["B"].spans) == len(b.spans)
    assert found["B"].name.endswith("group B")
    assert (found["A"].start, found["A"].end) == (capture.start, capture.end)


def test_groups_are_judged_like_before_and_after(both):
    found = groups(both[2], "group")
    goal = Objective((SLO("p99_s", 0.5),), scenarios=(AS_RECORDED,))
    verdict = verify(chosen(NARROW, WIDE, goal), found["A"], found["B"], shares=(0.5, 0.5))
    assert verdict.judgement == BETTER
    assert any("taken on trust" in note for note in verdict.notes)


def test_groups_of_other_times_and_shares_that_are_none_are_refused(both):
    goal = Objective((SLO("p99_s", 0.5),), scenarios=(AS_RECORDED,))
    made = chosen(NARROW, WIDE, goal)
    later = replace(both[1], start=both[1].start + pd.Timedelta("1h"), end=both[1].end + pd.Timedelta("1h"))
    with pytest.raises(Contradiction, match=r"not of the same time.*Leave the shares out"):
        verify(made, both[0], later, shares=(0.5, 0.5))
    for shares in ((0.9, 0.3), (0.0, 0.5), (-0.1, 0.5)):
        with pytest.raises(Contradiction, match="two shares of one traffic"):
            verify(made, both[0], both[1], shares=shares)


def test_an_attribute_that_no_root_has_is_a_contradiction(both):
    with pytest.raises(Contradiction, match="no root span has the attribute 'experiment'"):
        groups(both[2], "experiment")


def test_the_shell_judges_two_groups_of_one_capture(both, tmp_path, capsys):
    both[2].save(tmp_path / "both")
    goal = Objective((SLO("p99_s", 0.5),), scenarios=(AS_RECORDED,))
    (tmp_path / "r.json").write_text(chosen(NARROW, WIDE, goal).to_json())
    arguments = ["verify", str(tmp_path / "r.json"), *[str(tmp_path / "both")] * 2, "--shares", "0.5,0.5"]
    assert main([*arguments, "--group", "group=A,B"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("verdict: better")
    assert main([*arguments, "--group", "group=A,C"]) == 2
    assert "no group 'C'; expected one of ['A', 'B']" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments[:-1], "half"])
    assert "such as 0.7,0.3" in capsys.readouterr().err
