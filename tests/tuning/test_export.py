"""Exported files say in the target's own words what was recommended, and the way back lies beside them."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from tests.targets.shop import BARE, sample
from tests.twin import hand
from workbench import targets
from workbench.errors import TargetError
from workbench.knobs import all_knobs, settings_of
from workbench.network import Network
from workbench.settings import Knob, Settings, Value
from workbench.tuning.export import difference, export
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import NO_ADVICE, thaw
from workbench.tuning.search import chosen
from workbench.twin.model import AS_RECORDED

LAB = hand.twin(duration_s=20)
# What the lab has no word for is called as in the network: path, now, with the unit.
MORE = {
    "orders/calls.payments.pool.servers": (10, "connections"),
    "orders/cpu.cores": (2, "cores"),
    "orders/concurrency.limit": (20, "requests"),
    "orders/gc.budget_bytes": (80e6, "bytes"),
}
KINDS = {"orders.cpu.kind": "shared", "orders.concurrency.kind": "fixed", "orders.gc.bytes_per_visit": 1e6}
PATHS = {key: key.replace("/", ".") for key in MORE}
TWIN = replace(
    LAB,
    network=functools.reduce(
        lambda network, to: network.set(*to),
        [*KINDS.items(), *((PATHS[key], now) for key, (now, _) in MORE.items())],
        LAB.network,
    ),
    knobs=(
        *LAB.knobs,
        *(
            Knob(*key.split("/"), unit, 1, 1e9, "by its path", path=PATHS[key])
            for key, (_, unit) in MORE.items()
        ),
    ),
    settings=LAB.settings.with_({key: now for key, (now, _) in MORE.items()}),
)
CHANGES = {
    "payments/workers": 12,
    "gateway/calls.orders.timeout_s": 0.7,
    "gateway/calls.orders.attempts": 3,
    "orders/calls.payments.pool.servers": 14,
    "orders/cpu.cores": 3,
    "orders/concurrency.limit": 60,
    "orders/gc.budget_bytes": 40e6,
}
_ROUTE, _POOL = "VirtualService.http[].retries", "DestinationRule.trafficPolicy.connectionPool"
_R4J = "resilience4j.{}.instances.{}"
# By hand, from the documents of each system: what the changes mean there, as (before, after) by key.
Meaning = dict[str, tuple[Value, Value]]
_LAB: Meaning = {
    "payments/workers": (8, 12),
    "gateway/calls.orders.timeout_s": (2.0, 0.7),
    "gateway/calls.orders.attempts": (1, 3),
}
_OWN: Meaning = {
    **_LAB,
    "orders/calls.payments.pool.servers": (10, 14),
    "orders/cpu.cores": (2, 3),
    "orders/concurrency.limit": (20, 60),
    "orders/gc.budget_bytes": (80e6, 40e6),
}
WORDS: dict[str, Meaning] = {
    **{name: _OWN for name, one in targets.targets().items() if not one.SYSTEMS},
    "lab_yaml": _LAB,
    # Without retries the timeout is that of the one try; with them it would be for all together.
    "grpc_service_config": {"orders/retryPolicy.maxAttempts": (None, 3), "orders/timeout": (2000, None)},
    "istio": {
        f"payments/{_POOL}.tcp.maxConnections": (10, 14),
        f"orders/{_ROUTE}.attempts": (0, 2),
        f"orders/{_ROUTE}.perTryTimeout": (None, 700),
        "orders/VirtualService.http[].timeout": (2000, 0),
    },
    "envoy": {
        "gateway/routes[orders].retry_policy.num_retries": (0, 2),
        "gateway/routes[orders].retry_policy.per_try_timeout": (2000, 700),
        "orders/clusters[payments].circuit_breakers.thresholds[].max_connections": (10, 14),
    },
    "haproxy": {
        "orders/backend.retries": (0, 2),
        "orders/backend.timeout.server": (2000, 700),
        "payments/backend.default-server.maxconn": (10, 14),
    },
    "nginx": {"orders/location.limit_conn": (20, 60), "orders/location.proxy_read_timeout": (2000, 700)},
    "pgbouncer": {"payments/default_pool_size": (8, 12)},
    "redisson": {"orders/connectionPoolSize": (10, 14)},
    "spring_rabbit": {"payments/spring.rabbitmq.listener.simple.concurrency": (8, 12)},
    "hikari": {"orders/maximumPoolSize": (10, 14)},
    "sqlalchemy_yaml": {"orders/pool_size": (10, 14)},
    "jvm_args": {"orders/Xmn": (95, 48)},  # 80e6 / (0.8 · 2^20) = 95.4
    "jvm_env": {"orders/Xmn": (95, 48)},
    "go_env": {"orders/GOMAXPROCS": (2, 3)},
    "go_yaml": {
        "gateway/http.clients.orders.timeout": (2.0, 0.7),
        "orders/http.clients.payments.maxConnsPerHost": (10, 14),
        "orders/database.maxOpenConns": (10, 14),
        "payments/workers.count": (8, 12),
    },
    "threadpool_properties": {"payments/corePoolSize": (8, 12)},
    "spring_yaml": {
        f"gateway/{_R4J.format('retry', 'orders')}.maxAttempts": (1, 3),
        f"gateway/{_R4J.format('timelimiter', 'orders')}.timeoutDuration": (2000, 700),
        f"orders/{_R4J.format('bulkhead', 'payments')}.maxConcurrentCalls": (10, 14),
        "orders/maximumPoolSize": (10, 14),
        "payments/server.tomcat.threads.max": (8, 12),
    },
    "gunicorn_conf": {"payments/workers": (8, 12)},
    "uvicorn_env": {"orders/limit-concurrency": (20, 60)},
}
# What the file in use does not get: it has another word for the same thing, and nothing is taken out of it.
OTHERWISE = {
    "grpc_service_config": {"orders/timeout"},
    "spring_yaml": {f"orders/{_R4J.format('bulkhead', 'payments')}.maxConcurrentCalls"},
}
EVERY = pytest.mark.parametrize("name", sorted(WORDS))


@pytest.fixture(scope="module")
def made():
    goal = Objective((SLO("p99_s", 0.4),), scenarios=(AS_RECORDED,))
    return chosen(TWIN, CHANGES, goal, seed=5)


def known(name: str, network: Network) -> list[Knob]:
    """The knobs that a target writes."""
    return [k for s in targets.target(name).SYSTEMS for k in all_knobs(s, network)] or list(TWIN.knobs)


def files(name: str) -> list[str]:
    """The files that a target writes for the changes, in the order of their services."""
    services = [s for s in hand.CALLS if any(key.startswith(f"{s}/") for key in WORDS[name])]
    filename = targets.target(name).FILENAME
    return [filename.format(service=s) for s in services] if "{service}" in filename else [filename]


def main_file(name: str) -> str:
    """The file of the orders service, where the target has one."""
    return next((file for file in files(name) if file.startswith("orders/")), files(name)[0])


def says(name: str, folder: Path, ending: str = "") -> dict[str, Value]:
    """What the files of a target in a folder say."""
    module, found = targets.target(name), dict[str, Value]()
    for file in files(name):
        own = [k for k in known(name, TWIN.network) if "/" not in file or k.service == file.split("/")[0]]
        found |= module.current(targets.read(module, folder / f"{file}{ending}"), own)
    return found


def held_by(settings, part) -> bool:
    return {key: settings.get(key) for key in part} == dict(part)


def after(name: str) -> dict[str, Value]:
    return {key: new for key, (_, new) in WORDS[name].items()}


def before(name: str) -> dict[str, Value]:
    return {key: old for key, (old, _) in WORDS[name].items()}


@pytest.mark.parametrize("name", sorted(set(targets.targets()) - set(WORDS)))
def test_a_target_without_words_written_by_hand_has_none_for_these_changes(name, made, tmp_path):
    with pytest.raises(TargetError, match="has no word for"):
        export(made, name, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@EVERY
def test_a_new_file_says_what_was_recommended_and_its_rollback_what_was(name, made, tmp_path):
    written = export(made, name, tmp_path)
    endings = ("", ".diff", ".rollback", ".rollback.diff")
    assert written[1] == tmp_path / "recommendation.json"
    assert set(written) == {tmp_path / f"{file}{end}" for file in files(name) for end in endings} | {
        written[1]
    }
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == set(written)
    assert held_by(says(name, tmp_path), after(name))
    assert held_by(says(name, tmp_path, ".rollback"), before(name))
    services = {file.split("/")[0] for file in files(name)} if "/" in files(name)[0] else set(hand.CALLS)
    for network, ending in ((made.network, ""), (TWIN.network, ".rollback")):
        whole = settings_of(network, known(name, network))
        own = {key: value for key, value in whole.items() if key.split("/")[0] in services}
        assert held_by(says(name, tmp_path, ending), own)


def test_the_frozen_prediction_lies_beside_it(made, tmp_path):
    record = export(made, "spring_yaml", tmp_path)[1]
    frozen = thaw(record.read_text(encoding="utf-8"))
    assert frozen.settings == made.settings
    assert frozen.after.table.equals(made.after.table)


@EVERY
def test_every_changed_value_says_where_it_came_from(name, made, tmp_path):
    module = targets.target(name)
    export(made, name, tmp_path)
    lines = [line.strip() for f in files(name) for line in targets.read(module, tmp_path / f).splitlines()]
    comments = [line for line in lines if line.startswith("# workbench")]
    if name in BARE:
        assert comments == []
        return
    for key in WORDS[name]:
        own = [line for line in comments if line.startswith(f"# workbench {key}: was ")]
        assert len(own) == 1, (key, comments)
        assert "from capture by hand (2026-11-20 10:00:00 UTC, 20 s)" in own[0]
    assert len(comments) == len(WORDS[name])


@EVERY
def test_a_file_in_use_is_edited_in_place_and_the_rollback_is_that_file(name, made, tmp_path):
    module, single = targets.target(name), len(files(name)) == 1
    file = main_file(name)
    base = tmp_path / ("in-use" if single else f"in-use/{file}")
    base.parent.mkdir(parents=True, exist_ok=True)
    base.write_bytes(targets.encode(module, sample(name)))
    out = tmp_path / "out"
    export(made, name, out, base=base if single else tmp_path / "in-use")
    wanted = {key: value for key, value in after(name).items() if key not in OTHERWISE.get(name, ())}
    text, old = targets.read(module, out / file), sample(name)
    assert held_by(says(name, out), wanted)
    assert (out / f"{file}.rollback").read_bytes() == base.read_bytes() == targets.encode(module, old)
    own = [k for k in known(name, TWIN.network) if "/" not in file or k.service == file.split("/")[0]]
    untouched = {k: v for k, v in module.current(old, own).items() if k not in wanted}
    assert held_by(says(name, out), untouched)
    place = iter(remarks(text))
    assert all(remark in place for remark in remarks(old))


def remarks(text: str) -> list[str]:
    """What stands behind # in each line."""
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@EVERY
def test_the_file_of_that_name_in_the_folder_is_the_one_in_use(name, made, tmp_path):
    module, file = targets.target(name), main_file(name)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(targets.encode(module, sample(name)))
    export(made, name, tmp_path)
    assert targets.read(module, tmp_path / f"{file}.rollback") == sample(name)
    wanted = {key: value for key, value in after(name).items() if key not in OTHERWISE.get(name, ())}
    assert held_by(says(name, tmp_path), wanted)


def test_one_file_for_several_services_is_refused(made, tmp_path):
    (tmp_path / "application.yml").write_text(sample("spring_yaml"))
    with pytest.raises(TargetError, match=r"one file, and several services change; expected a folder"):
        export(made, "spring_yaml", tmp_path / "out", base=tmp_path / "application.yml")
    assert [path.name for path in tmp_path.iterdir()] == ["application.yml"]


def test_a_service_of_any_name_stays_inside_the_folder(made, tmp_path):
    from workbench.tuning.export import _files

    module = targets.target("hikari")
    knobs = [replace(knob, service="../../etc") for knob in all_knobs("hikari", TWIN.network)]
    assert list(_files(module, knobs, Settings({}), Settings({}))) == ["etc/hikari.properties"]


def test_exporting_twice_changes_nothing_more(made, tmp_path):
    first = export(made, "lab_yaml", tmp_path)[0].read_bytes()
    back = (tmp_path / "lab.yaml.rollback").read_bytes()
    assert back != first
    second = export(made, "lab_yaml", tmp_path)
    assert second[0].read_bytes() == first
    assert second[3].read_bytes() == back  # the way back still leads to what was before the first
    assert second[2].read_text().startswith("--- ")


def test_changes_that_a_format_has_no_word_for_are_named_in_its_comments(made, tmp_path):
    """The lab knows nothing of its pools of connections, processors and collectors."""
    text = export(made, "lab_yaml", tmp_path / "lab")[0].read_text()
    assert f"of these changes not in this file: {', '.join(sorted(MORE))}" in text
    assert "not in this file" not in export(made, "plain_yaml", tmp_path / "plain")[0].read_text()


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
    export(made, "lab_yaml", tmp_path / "out", base=base)
    assert says("lab_yaml", tmp_path / "out")["gateway/calls.orders.timeout_s"] == 0.7
    fresh = export(made, "lab_yaml", tmp_path / "new")
    assert says("lab_yaml", tmp_path / "new", ".rollback")["gateway/calls.orders.timeout_s"] == 0
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
    export(made, name, tmp_path)
    module = targets.target(name)
    written = [line for f in files(name) for line in targets.read(module, tmp_path / f).splitlines()]
    added = [line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added
    assert set(added) <= set(written)
    assert list(tmp_path.iterdir())
