"""RabbitMQ's own schema takes an exported file, as the broker does when it starts."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.needs import absent, need_program
from tests.targets.shop import knobs_of, moved, sample
from workbench.targets import rabbitmq

KNOBS = knobs_of("rabbitmq")
PLUGINS = Path("/usr/lib/rabbitmq/lib")
# What rabbit_prelaunch_conf does before the broker starts.
PROGRAM = """
    Schema = cuttlefish_schema:files(["{schema}"]),
    io:format("~s", [[io_lib:format("~w~n", [cuttlefish_generator:map(Schema, cuttlefish_conf:file(File))])
                      || File <- {files}]]),
    halt().
"""


def terms_of(texts: list[str], folder: Path) -> list[str]:
    """The broker's terms for each file, or {error, …}, on one line each."""
    erl = need_program("erl", "apt-get install rabbitmq-server")
    schemas = sorted(PLUGINS.glob("rabbitmq_server-*/plugins/rabbit-*/priv/schema/rabbit.schema"))
    if not schemas:
        absent("RabbitMQ's schema is not there. apt-get install rabbitmq-server")
    for number, text in enumerate(texts):
        (folder / f"{number}.conf").write_text(text)
    files = json.dumps([str(folder / f"{number}.conf") for number in range(len(texts))])
    program = PROGRAM.format(schema=schemas[-1], files=files)
    code = [part for one in schemas[-1].parents[3].glob("*/ebin") for part in ("-pa", one)]
    command = [erl, "-noshell", *code, "-eval", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return [line for line in done.stdout.splitlines() if line.startswith(("[{", "{error"))]


SPELLED = {
    "vm_memory_high_watermark.relative": "vm_memory_high_watermark,",
    "disk_free_limit.relative": "disk_free_limit,{mem_relative,",
    "tcp_listen_options.backlog": "backlog,",
}


def test_the_broker_s_terms_have_what_was_exported(tmp_path):
    wanted = [moved(KNOBS, share) for share in (0, 0.37, 1)] * 2
    begins = [rabbitmq.blank(KNOBS)] * 3 + [sample("rabbitmq")] * 3
    texts = [
        rabbitmq.edit(begin, tuned, KNOBS, why=dict.fromkeys(tuned, "a test"))
        for begin, tuned in zip(begins, wanted, strict=True)
    ]
    for tuned, terms in zip(wanted, terms_of(texts, tmp_path), strict=True):
        for knob in KNOBS:
            said = re.search(re.escape(SPELLED.get(knob.name, f"{{{knob.name},")) + r"([-\d.e]+)", terms)
            assert said, (knob.name, terms)
            assert float(said[1]) == tuned[knob.key]


def test_the_schema_refuses_what_it_does_not_know(tmp_path):
    texts = ["channel_max = many\n", "chanel_max = 1\n", "disk_free_limit.relative = 1\n"]
    many, unknown, whole = terms_of(texts, tmp_path)
    assert many.startswith("{error,transform_datatypes,")
    assert "unknown_variable" in unknown
    assert whole.startswith("{error,transform_datatypes,")
