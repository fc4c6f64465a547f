"""A shell, Python and Java read the exported plain files, and a ThreadPoolExecutor has what they say."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from tests.needs import need_program
from tests.targets.shop import knobs_of, moved, sample
from workbench.targets import dotenv, plain_json, plain_yaml, target, threadpool_properties

SHOP = knobs_of("dotenv")
WANTED = moved(SHOP, 0.37)
WHY = dict.fromkeys(WANTED, 'it\'s → "so" $HOME `x` \\')
BEGIN = pytest.mark.parametrize("begin", ["sample", "blank"])


def exported(name: str, begin: str) -> str:
    text = sample(name) if begin == "sample" else target(name).blank(SHOP)
    return target(name).edit(text, WANTED, SHOP, why=WHY)


def nested(document: dict) -> dict[str, float]:
    """What a document holds at the place of each knob."""
    found = {}
    for knob in SHOP:
        holder = document[knob.service]
        for part in knob.name.split("."):
            holder = holder[part]
        found[knob.key] = holder
    return found


@BEGIN
def test_a_shell_has_the_variables(tmp_path, begin):
    path = tmp_path / "settings.env"
    path.write_text(exported("dotenv", begin), encoding="utf-8")
    names = dotenv._names(SHOP, "")
    printed = "; ".join(f'echo "${name}"' for name in names)
    done = subprocess.run(
        ["sh", "-euc", f'. "{path}"; {printed}'], capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    values = [float(line) for line in done.stdout.splitlines()]
    assert {k.key: v for k, v in zip(names.values(), values, strict=True)} == WANTED


@BEGIN
def test_python_loads_the_yaml(begin):
    assert nested(yaml.safe_load(exported("plain_yaml", begin))) == WANTED


@BEGIN
def test_python_loads_the_json(begin):
    assert nested(json.loads(exported("plain_json", begin))) == WANTED


def test_what_is_no_number_would_be_seen():
    """The comparisons above can fail: one value changed by hand is another."""
    once = plain_yaml.edit(sample("plain_yaml"), WANTED, SHOP, why={})
    other = plain_yaml.edit(once, {"orders/workers": 1}, SHOP, why={})
    assert nested(yaml.safe_load(other)) != WANTED
    text = plain_json.edit(plain_json.edit("{}", WANTED, SHOP, why={}), {"orders/workers": 1}, SHOP, why={})
    assert nested(json.loads(text)) != WANTED


PROGRAM = """
import java.io.*; import java.nio.file.*; import java.util.*; import java.util.concurrent.*;
public class Pool { public static void main(String[] names) throws Exception {
  var said = new Properties();
  try (InputStream in = Files.newInputStream(Path.of(names[0]))) { said.load(in); }
  var pool = new ThreadPoolExecutor(number(said, "corePoolSize"), number(said, "maximumPoolSize"),
    number(said, "keepAliveTime"), TimeUnit.MILLISECONDS,
    new LinkedBlockingQueue<>(number(said, "queueCapacity")),
    (RejectedExecutionHandler) Class.forName("java.util.concurrent.ThreadPoolExecutor$"
      + said.getProperty("rejectedExecutionHandler")).getConstructor().newInstance());
  pool.allowCoreThreadTimeOut(Boolean.parseBoolean(said.getProperty("allowCoreThreadTimeOut")));
  System.out.println(pool.getCorePoolSize() + " " + pool.getMaximumPoolSize() + " "
    + pool.getKeepAliveTime(TimeUnit.MILLISECONDS) + " " + pool.getQueue().remainingCapacity() + " "
    + pool.getRejectedExecutionHandler().getClass().getSimpleName() + " " + pool.allowsCoreThreadTimeOut());
  pool.shutdown(); }
  static int number(Properties said, String name) { return Integer.parseInt(said.getProperty(name)); } }
"""
POOL = {
    "corePoolSize": 6, "maximumPoolSize": 14, "keepAliveTime": 2500, "queueCapacity": 90,
    "rejectedExecutionHandler": "CallerRunsPolicy", "allowCoreThreadTimeOut": "true",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Make a ThreadPoolExecutor of properties and say what it is."""
    java = need_program("java", "apt-get install openjdk-17-jdk-headless")
    compiler = need_program("javac", "apt-get install openjdk-17-jdk-headless")
    folder = tmp_path_factory.mktemp("pool")
    (folder / "Pool.java").write_text(PROGRAM)
    subprocess.run([compiler, "Pool.java"], cwd=folder, check=True, timeout=60)

    def run(text: str) -> subprocess.CompletedProcess[str]:
        (folder / "it.properties").write_bytes(text.encode("latin-1"))
        program = [java, "-cp", str(folder), "Pool", str(folder / "it.properties")]
        return subprocess.run(program, capture_output=True, text=True, timeout=60)

    return run


@BEGIN
def test_the_pool_is_made_as_exported(pool, begin):
    knobs = knobs_of("threadpool_properties")
    wanted = {f"orders/{name}": value for name, value in POOL.items()}
    assert {knob.key for knob in knobs} == set(wanted)
    text = sample("threadpool_properties") if begin == "sample" else threadpool_properties.blank(knobs)
    done = pool(threadpool_properties.edit(text, wanted, knobs, why=dict.fromkeys(wanted, "é → \\")))
    assert done.stdout.split() == ["6", "14", "2500", "90", "CallerRunsPolicy", "true"], done.stderr


@pytest.mark.parametrize("name", ["corePoolSize", "queueCapacity"])
def test_a_pool_refuses_what_is_wrong(pool, name):
    knobs = knobs_of("threadpool_properties")
    text = threadpool_properties.edit("", {f"orders/{k}": v for k, v in POOL.items()}, knobs, why={})
    wrong = "\n".join(f"{name}=-1" if line.startswith(name) else line for line in text.splitlines())
    assert "IllegalArgumentException" in pool(wrong).stderr
