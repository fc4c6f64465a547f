"""Exported files say in the target's own words what was recommended, and the way back lies beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.targets.shop import knobs_of, sample
from tests.twin import hand
from workbench import targets
from workbench.errors import TargetError
from workbench.knobs import settings_of
from workbench.settings import Settings
from workbench.tuning.export import difference, export
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import NO_ADVICE, thaw
from workbench.tuning.search import chosen
from workbench.twin.model import AS_RECORDED

TWIN = hand.twin(duration_s=20)
CHANGES = {"payments/workers": 12, "gateway/calls.orders.timeout_s": 0.7, "gateway/calls.orders.attempts": 3}
_ROUTE, _POOL = "VirtualService.http[].retries", "DestinationRule.trafficPolicy.connectionPool"
# By hand, from the documents of each system: (before, after) of what the changes mean there.
WORDS = {
    "lab_yaml": (
        {"payments/workers": 8, "gateway/calls.orders.timeout_s": 2.0, "gateway/calls.orders.attempts": 1},
        CHANGES,
    ),
    "istio": (
        {
            f"payments/{_POOL}.tcp.maxConnections": 8,
            "orders/VirtualService.http[].timeout": 2000,
            f"orders/{_ROUTE}.attempts": 0,
        },
        {
            f"payments/{_POOL}.tcp.maxConnections": 12,
            "orders/VirtualService.http[].timeout": 0,
            f"orders/{_ROUTE}.perTryTimeout": 700,
            f"orders/{_ROUTE}.attempts": 2,
        },
    ),
    "hikari": ({"payments/maximumPoolSize": 8}, {"payments/maximumPoolSize": 12}),
}
EVERY = pytest.mark.parametrize("name", targets.targets())


@pytest.fixture(scope="module")
def made():
    goal = Objective((SLO("p99_s", 0.4),), scenarios=(AS_RECORDED,))
    return chosen(TWIN, CHANGES, goal, seed=5)


def says(name: str, path) -> Settings:
    module = targets.target(name)
    return module.current(targets.read(module, path), knobs_of(name, TWIN.network))


def held_by(settings, part) -> bool:
    return {key: settings.get(key) for key in part} == dict(part)


def test_every_target_is_held_to_words_written_by_hand():
    assert set(WORDS) == set(targets.targets())


@EVERY
def test_a_new_file_says_what_was_recommended_and_its_rollback_what_was(name, made, tmp_path):
    module = targets.target(name)
    written = export(made, name, tmp_path / "out")
    assert [path.name for path in written] == [
        module.FILENAME,
        "recommendation.json",
        f"{module.FILENAME}.diff",
        f"{module.FILENAME}.rollback",
        f"{module.FILENAME}.rollback.diff",
    ]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in written)
    before, after = WORDS[name]
    assert held_by(says(name, written[0]), after)
    assert held_by(says(name, written[3]), before)
    knobs = knobs_of(name, TWIN.network)
    assert says(name, written[0]) == settings_of(made.network, knobs)
    assert says(name, written[3]) == settings_of(TWIN.network, knobs)


@EVERY
def test_the_frozen_prediction_lies_beside_it(name, made, tmp_path):
    record = export(made, name, tmp_path)[1]
    frozen = thaw(record.read_text(encoding="utf-8"))
    assert frozen.settings == made.settings
    assert frozen.after.table.equals(made.after.table)


@EVERY
def test_every_changed_value_says_where_it_came_from(name, made, tmp_path):
    module, text = targets.target(name), targets.read(targets.target(name), export(made, name, tmp_path)[0])
    comments = [line.strip() for line in text.splitlines() if line.strip().startswith("# workbench")]
    for key in WORDS[name][1]:
        own = [line for line in comments if line.startswith(f"# workbench {key}: was ")]
        assert len(own) == 1, (key, comments)
        assert "from capture by hand (2026-11-20 10:00:00 UTC, 20 s)" in own[0]
    assert len(comments) == len(WORDS[name][1])
    assert module.FORMAT


@EVERY
def test_a_file_in_use_is_edited_in_place_and_the_rollback_is_that_file(name, made, tmp_path):
    module, (_, after) = targets.target(name), WORDS[name]
    base = tmp_path / "in-use"
    base.write_bytes(targets.encode(module, sample(name)))
    written = export(made, name, tmp_path / "out", base=base)
    text, old = targets.read(module, written[0]), sample(name)
    assert held_by(says(name, written[0]), after)
    assert written[3].read_bytes() == base.read_bytes() == targets.encode(module, old)
    before = module.current(old, knobs_of(name, TWIN.network))
    untouched = {key: value for key, value in before.items() if key not in after}
    assert held_by(says(name, written[0]), untouched)
    kept = [line for line in old.splitlines() if "#" in line and "# workbench" not in line]
    assert kept
    assert [line for line in text.splitlines() if line in kept] == kept


@EVERY
def test_the_file_of_that_name_in_the_folder_is_the_one_in_use(name, made, tmp_path):
    module = targets.target(name)
    (tmp_path / module.FILENAME).write_bytes(targets.encode(module, sample(name)))
    written = export(made, name, tmp_path)
    assert targets.read(module, written[3]) == sample(name)
    assert held_by(says(name, written[0]), WORDS[name][1])


def test_exporting_twice_changes_nothing_more(made, tmp_path):
    first = export(made, "lab_yaml", tmp_path)[0].read_bytes()
    back = (tmp_path / "lab.yaml.rollback").read_bytes()
    assert back != first
    second = export(made, "lab_yaml", tmp_path)
    assert second[0].read_bytes() == first
    assert second[3].read_bytes() == back  # the way back still leads to what was before the first
    assert second[2].read_text().startswith("--- ")


def test_changes_that_a_format_has_no_word_for_are_named_in_its_comments(made, tmp_path):
    """HikariCP knows the pool before payments, and nothing of what the gateway does."""
    text = export(made, "hikari", tmp_path / "hikari")[0].read_text(encoding="latin-1")
    missing = "gateway/calls.orders.attempts, gateway/calls.orders.timeout_s"
    assert f"of these changes not in this file: {missing}" in text
    assert "not in this file" not in export(made, "lab_yaml", tmp_path / "lab")[0].read_text()


def test_a_format_that_can_say_no_change_is_refused_and_nothing_is_written(tmp_path):
    late = chosen(TWIN, {"gateway/deadline_s": 1.5}, Objective(scenarios=(AS_RECORDED,)))
    with pytest.raises(TargetError, match=r"HikariCP.*no word for gateway/deadline_s, .*another format"):
        export(late, "hikari", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_unset_before_is_written_into_the_file_in_use(tmp_path):
    """A capture whose settings leave a timeout out ran without one; the new one must not be lost."""
    bare = Settings({k: v for k, v in hand.CALM.items() if "timeout_s" not in k and "deadline_s" not in k})
    made = chosen(hand.twin(bare, duration_s=20), {"gateway/calls.orders.timeout_s": 0.7}, seed=5)
    base = tmp_path / "settings.yaml"
    base.write_text("services: {gateway: {workers: 32, calls: {orders: {attempts: 1}}}}\n")
    written = export(made, "lab_yaml", tmp_path / "out", base=base)
    assert says("lab_yaml", written[0])["gateway/calls.orders.timeout_s"] == 0.7
    fresh = export(made, "lab_yaml", tmp_path / "new")
    assert says("lab_yaml", fresh[3])["gateway/calls.orders.timeout_s"] == 0
    assert "was no limit" in fresh[0].read_text() or "was unset" in fresh[0].read_text()


def test_a_file_that_held_other_values_than_the_recording_says_so(made, tmp_path):
    base = tmp_path / "settings.yaml"
    base.write_text("services:\n  gateway: {calls: {orders: {}}}\n  payments:\n    workers: 5 # ours\n")
    text = export(made, "lab_yaml", tmp_path / "out", base=base)[0].read_text()
    assert "the file had 5 workers; in the recording it was 8 workers" in text
    assert "workers: 12 # ours" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("services: [1, 2", r"in-use:1.*"),
        ("services: {payments: 5}\n", r"in-use"),
        ("services: &a {payments: {workers: 5}}\nother: *a\n", "in-use"),
    ],
)
def test_a_file_that_cannot_take_the_settings_leaves_nothing_written(made, tmp_path, content, message):
    base = tmp_path / "in-use"
    base.write_text(content)
    with pytest.raises(TargetError, match=message):
        export(made, "lab_yaml", tmp_path / "out", base=base)
    assert [p.name for p in tmp_path.iterdir()] == ["in-use"]
    assert base.read_text() == content


def test_a_write_that_fails_leaves_the_file_in_use_and_no_half_of_one(made, tmp_path, monkeypatch):
    old = export(made, "lab_yaml", tmp_path)[0].read_bytes()
    other = replace(made, settings=made.settings.with_({"payments/workers": 13}))

    def full(self, *_):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("workbench.tuning._beside.os.replace", full)
    with pytest.raises(
        TargetError, match=r"cannot be written: No space left on device.*Choose another folder"
    ):
        export(other, "lab_yaml", tmp_path)
    assert (tmp_path / targets.target("lab_yaml").FILENAME).read_bytes() == old
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_target_that_does_not_exist_names_near_ones(made, tmp_path):
    with pytest.raises(TargetError, match=r"no target 'isto'; expected one of \['istio'\]"):
        export(made, "isto", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_no_advice_is_not_exported(made, tmp_path):
    with pytest.raises(TargetError, match=r"'no advice'.*Ease the SLOs"):
        export(replace(made, advice=NO_ADVICE), "lab_yaml", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_base_that_is_absent_and_a_folder_that_is_a_file_are_errors_in_words(made, tmp_path):
    with pytest.raises(TargetError, match=r"nowhere: cannot be read: No such file"):
        export(made, "lab_yaml", tmp_path / "out", base=tmp_path / "nowhere")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TargetError, match=r"file: cannot be written: .*Choose another folder"):
        export(made, "lab_yaml", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@EVERY
def test_the_difference_shown_beforehand_has_the_lines_that_are_written(name, made, tmp_path):
    shown = difference(made, name)
    written = targets.read(targets.target(name), export(made, name, tmp_path)[0]).splitlines()
    added = [line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added
    assert set(added) <= set(written)
    assert list(tmp_path.iterdir())
