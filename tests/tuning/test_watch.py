"""promtool takes the rules that watch a recommendation, and their unit tests fire and do not fire in it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.needs import need_program
from tests.targets.shop import NETWORK
from workbench.errors import SettingError, TargetError
from workbench.knobs import all_knobs
from workbench.settings import Settings
from workbench.tuning.objective import SLO
from workbench.tuning.recommendation import NO_ADVICE, Recommendation
from workbench.tuning.watch import Source, watch
from workbench.twin.model import AS_RECORDED, Prediction

GATEWAY = Source(labels={"service_name": "gateway"})


def prediction(p99_s: float, errors: float) -> Prediction:
    """A prediction at 40/s whose intervals are a tenth to either side."""
    values = {"mean_s": p99_s / 5, "p50_s": p99_s / 6, "p95_s": p99_s / 2, "p99_s": p99_s}
    values |= {"throughput_rps": 40 * (1 - errors), "error_share": errors, "load_rps": 40.0}
    rows = {name: (v, v * 0.9, v * 1.1, "") for name, v in values.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "unit"])
    return Prediction(Settings(), AS_RECORDED, 60.0, table, np.array([]), "caller")


def made(*slos: SLO, capture: str = "shop") -> Recommendation:
    return Recommendation(
        advice="change",
        current=Settings({"orders/workers": 4}),
        settings=Settings({"orders/workers": 8}),
        knobs=tuple(all_knobs("lab", NETWORK)),
        network=NETWORK,
        slos=slos or (SLO("p99_s", 0.5), SLO("error_share", 0.01)),
        before=prediction(1.2, 0.05),
        after=prediction(0.3, 0.001),
        alternatives=pd.DataFrame(),
        evidence={"capture": capture, "window": "20 s"},
        evaluations=1,
        seed=1,
    )


def promtool(*command: str | Path) -> subprocess.CompletedProcess[str]:
    program = need_program("promtool", "apt-get install prometheus")
    return subprocess.run([program, *command], capture_output=True, text=True, timeout=60)


OBJECTIVES = {
    "P99 and errors": (SLO("p99_s", 0.5), SLO("error_share", 0.01)),
    "mean": (SLO("mean_s", 0.1),),
    "throughput": (SLO("throughput_rps", 30), SLO("p95_s", 0.4)),
    "no error at all": (SLO("error_share", 0),),
    "what was not predicted to hold": (SLO("p50_s", 0.01),),
}
SOURCES = {
    "seconds": GATEWAY,
    "milliseconds": Source(
        "istio_request_duration_milliseconds", {"app": 'a"\\b'}, "response_code", "5..", 1e-3
    ),
    "grpc": Source("grpc_server_handling_seconds", {}, "grpc_code", "Unavailable|Internal"),
}


@pytest.mark.parametrize("slos", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_promtool_takes_the_rules_and_they_fire_when_they_should(slos, source, tmp_path):
    rules, tests = watch(made(*slos), tmp_path, source)
    checked = promtool("check", "rules", rules)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = promtool("test", "rules", tests)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("> 0.5 and", "> 50 and"),
        ("> 0.5 and", "> 0.0001 and"),
        ("<= 50", "<= 5"),
        ("> 50", "> 500"),
        ("5..", "4.."),
    ],
)
def test_the_unit_tests_fail_for_rules_that_are_not_those(right, wrong, tmp_path):
    rules, tests = watch(made(), tmp_path, GATEWAY)
    text = rules.read_text()
    assert right in text
    rules.write_text(text.replace(right, wrong))
    assert promtool("test", "rules", tests).returncode != 0


def test_rules_that_are_none_are_refused_by_promtool(tmp_path):
    rules, _ = watch(made(), tmp_path, GATEWAY)
    rules.write_text(rules.read_text().replace("for: 300s", "for: long"))
    assert promtool("check", "rules", rules).returncode != 0


def test_an_alert_says_what_was_predicted_and_the_way_back(tmp_path):
    rules, _ = watch(made(), tmp_path, GATEWAY)
    alerts = YAML(typ="safe").load(rules.read_text())["groups"][1]["rules"]
    (slow,) = [a for a in alerts if a["alert"] == "WorkbenchRollBack" and a["labels"]["slo"] == "p99_s"]
    assert "orders/workers 8 → 4" in slow["annotations"]["action"]
    assert slow["annotations"]["predicted"] == "300 ms (270 ms to 330 ms)"
    assert "> 0.5 and workbench:load_rps:rate300s" in slow["expr"]
    assert slow["expr"].endswith("<= 50")  # a quarter more than the 40/s of the prediction


def test_worse_than_predicted_is_a_ticket_while_the_slo_holds(tmp_path):
    """350 ms is above the predicted 330 ms and below the 500 ms of the SLO."""
    _, tests = watch(made(SLO("p99_s", 0.5)), tmp_path, GATEWAY)
    loaded = YAML(typ="safe").load(tests.read_text())
    one = loaded["tests"][0]
    series = (
        'http_server_request_duration_seconds_%s{service_name="gateway",http_response_status_code="200"%s}'
    )
    rows = [("bucket", ',le="0.34"', 0), ("bucket", ',le="0.36"', 600), ("bucket", ',le="+Inf"', 600)]
    one["input_series"] = [
        {"series": series % (member, le), "values": f"0+{step}x80"}
        for member, le, step in [*rows, ("count", "", 600)]
    ]
    for expected, alert in ((1, "WorkbenchOffPrediction"), (0, "WorkbenchRollBack")):
        one["alert_rule_test"] = [{"eval_time": "15m", "alertname": alert, "exp_alerts": []}]
        with tests.open("w") as stream:
            YAML(typ="safe").dump({**loaded, "tests": [one]}, stream)
        done = promtool("test", "rules", tests)
        assert (done.returncode != 0) == bool(expected), done.stdout + done.stderr


def test_texts_of_telemetry_are_texts(tmp_path):
    strange = 'a"b\n{{ $value }}\\ é'
    rules, tests = watch(made(capture=strange), tmp_path, GATEWAY)
    loaded = YAML(typ="safe").load(rules.read_text())
    assert loaded["groups"][0]["rules"][0]["labels"]["system"] == strange
    assert promtool("check", "rules", rules).returncode == 0
    assert promtool("test", "rules", tests).returncode == 0


def test_the_same_again_writes_the_same(tmp_path):
    first = [path.read_bytes() for path in watch(made(), tmp_path, GATEWAY)]
    assert [path.read_bytes() for path in watch(made(), tmp_path, GATEWAY)] == first


def test_no_advice_promises_nothing(tmp_path):
    with pytest.raises(TargetError, match="nothing to hold it to"):
        watch(replace(made(), advice=NO_ADVICE), tmp_path)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(SettingError, match="'a b'"):
        Source("a b")
