"""A PostgreSQL starts with an exported file and says its values back, and a PgBouncer before it does too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.needs import absent, need_program
from tests.targets.running import Refused, folder_of, running, said
from tests.targets.shop import knobs_of, moved, sample
from workbench.settings import Settings
from workbench.targets import pgbouncer, postgresql

SERVER, POOL = knobs_of("postgresql"), knobs_of("pgbouncer")
# What one small machine grants.
TUNED = moved(SERVER, 0.01).with_(
    {
        "payments/max_connections": 37,
        "payments/shared_buffers": 24,
        "payments/superuser_reserved_connections": 2,
    }
)
IN_UNITS = {"8kB": 2**13, "kB": 2**10, "MB": 2**20, "B": 1, "ms": 1, "s": 1000, "min": 60_000, "": 1}


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Path, dict[str, Any], Path]]:
    """A folder with a new database in it, whom to run it as, and where its programs are."""
    need_program("psql", "apt-get install postgresql")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        absent("initdb is not there. apt-get install postgresql")
    with folder_of("postgres") as (folder, who):
        make = [
            programs[-1],
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run([*make, "--no-locale"], check=True, capture_output=True, timeout=60, **who)
        yield folder, who, programs[-1].parent


def values_with(text: str, cluster: tuple[Path, dict[str, Any], Path]) -> dict[str, list[str]]:
    """pg_settings of a server that was started with a file: name to value, unit and bounds."""
    folder, who, programs = cluster
    (folder / "tuned.conf").write_text(text)
    where = {"unix_socket_directories": folder, "listen_addresses": "", "fsync": "off"}
    options = [part for name, value in where.items() for part in ("-c", f"{name}={value}")]
    command = [
        programs / "postgres",
        "-D",
        folder / "data",
        "-c",
        f"config_file={folder}/tuned.conf",
        *options,
    ]
    command += ["-c", f"hba_file={folder}/data/pg_hba.conf", "-c", f"ident_file={folder}/data/pg_ident.conf"]
    ask = ["psql", "-h", folder, "-U", "postgres", "-XAtc"]
    with running(command, lambda: said([*ask, "select 1"]) == "1\n", **who):
        query = "select name, setting, coalesce(unit, ''), min_val, max_val from pg_settings"
        return {row.split("|")[0]: row.split("|")[1:] for row in said([*ask, query]).splitlines()}


@pytest.mark.parametrize("begin", ["blank", "sample"])
def test_a_server_says_back_what_was_exported(cluster, begin):
    text = postgresql.blank(SERVER) if begin == "blank" else sample("postgresql")
    values = values_with(postgresql.edit(text, TUNED, SERVER, why=dict.fromkeys(TUNED, "a test")), cluster)
    for knob in SERVER:
        number, unit, low, high = values[knob.name]
        size = IN_UNITS[unit] / IN_UNITS.get(knob.unit, 1)
        assert float(number) * size == TUNED[knob.key], knob.name
        assert float(low) * size <= knob.low < knob.high <= float(high) * size or "reserved" in knob.name


def test_the_server_refuses_what_is_out_of_its_bounds(cluster):
    with pytest.raises(Refused, match=r"-5 is outside the valid range for parameter \"max_connections\""):
        values_with("max_connections = -5\n", cluster)
    with pytest.raises(Refused, match='invalid value for parameter "work_mem": "4Mb"'):
        values_with("work_mem = 4Mb\n", cluster)


def config_of(text: str) -> dict[str, str]:
    """SHOW CONFIG of a PgBouncer that was started with a file."""
    program = need_program("pgbouncer", "apt-get install pgbouncer")
    need_program("psql", "apt-get install postgresql-client")
    with folder_of("postgres") as (folder, who):
        own = f"unix_socket_dir = {folder}\nlisten_port = 6432\nadmin_users = me\nauth_type = any\n"
        (folder / "it.ini").write_text(
            text.replace("[pgbouncer]\n", f"[pgbouncer]\n{own}").replace("listen_addr", ";")
        )
        ask = ["psql", "-h", folder, "-p", "6432", "-U", "me", "-XAt", "pgbouncer", "-c"]
        with running([program, folder / "it.ini"], lambda: bool(said([*ask, "SHOW VERSION"])), **who):
            rows = said([*ask, "SHOW CONFIG"]).splitlines()
    return {row.split("|")[0]: row.split("|")[1] for row in rows}


@pytest.mark.parametrize("begin", ["blank", "sample"])
@pytest.mark.parametrize("share", [0, 0.37, 1])
def test_a_pgbouncer_says_back_what_was_exported(begin, share):
    text = pgbouncer.blank(POOL) if begin == "blank" else sample("pgbouncer")
    tuned: Settings = moved(POOL, share).with_({"payments/max_client_conn": 100})  # as many files may be open
    values = config_of(pgbouncer.edit(text, tuned, POOL, why=dict.fromkeys(tuned, "a test")))
    for knob in POOL:
        found = values[knob.name] if knob.choices else pytest.approx(float(values[knob.name]), rel=1e-5)
        assert found == tuned[knob.key], knob.name


def test_pgbouncer_refuses_what_it_does_not_know():
    with pytest.raises(Refused, match="invalid value"):
        config_of("[pgbouncer]\npool_mode = transactions\n")
    with pytest.raises(Refused, match="invalid value"):
        config_of("[pgbouncer]\ndefault_pool_size = many\n")
