"""Starts, changes, loads and ends a lab that runs in a folder of its own.

The folder holds settings.yaml, lab.json while it is up, spans/, gc/, logs/ and prometheus/.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.errors import LabError
from workbench.lab.plan import Plan
from workbench.lab.shop import Shop, digest, parse, read_settings
from workbench.lab.supervisor import LOCK, SETTINGS, STATE, STOP, ask

OURS = (sys.executable, "-m", "workbench.lab.service")
_START_S, _STOP_S, _CHANGE_S = 60.0, 15.0, 10.0


@dataclass(frozen=True)
class Summary:
    """What a load sent and what came of it; latencies count from the intended send time, errors included.

    `start` and `end` bound the plan in seconds since the epoch; `lateness_s` is how late requests were sent.
    """

    start: float
    end: float
    sent: int
    ok: int
    errors: dict[str, int]
    latency_s: dict[str, float]
    lateness_s: dict[str, float]

    @property
    def text(self) -> str:
        """The summary in a few lines."""
        latency = "  ".join(f"{name} {value * 1e3:.1f} ms" for name, value in self.latency_s.items())
        late = self.lateness_s
        errors = ", ".join(f"{kind} {count}" for kind, count in sorted(self.errors.items())) or "none"
        return (
            f"sent {self.sent} in {self.end - self.start:.0f} s, ok {self.ok}, errors: {errors}\n"
            f"from the intended time: {latency}\n"
            f"sent late: p99 {late['p99'] * 1e3:.1f} ms, at most {late['max'] * 1e3:.1f} ms"
        )


class Loading:
    """A load under way in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def running(self) -> bool:
        """True until the last answer has come."""
        return self._process.poll() is None

    def wait(self) -> Summary:
        """Wait for the last answer; an interrupt stops the load and passes on."""
        try:
            out, err = self._process.communicate()
        except BaseException:
            self.stop()
            raise
        try:
            answer = json.loads(out)
            found = answer.get("error")
        except ValueError:
            answer, found = {}, " ".join(err.split())[-300:] or f"status {self._process.returncode}"
        if found:
            raise LabError(f"the load generator failed: {found}", where="load")
        return Summary(**answer)

    def stop(self) -> None:
        """Stop sending, give answers under way a second, and end."""
        self._process.terminate()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Lab:
    """A lab that is up: where it listens, and what can be done with it."""

    def __init__(
        self, folder: Path, state: dict[str, Any], supervisor: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.folder = folder
        self.endpoints: dict[str, str] = {name: one["url"] for name, one in state["services"].items()}
        self.pids: dict[str, int] = {name: one["pid"] for name, one in state["services"].items()}
        self.prometheus: str | None = state["prometheus"]
        self._supervisor = supervisor

    @property
    def settings_text(self) -> str:
        """The settings file as it is now."""
        return (self.folder / SETTINGS).read_text(encoding="utf-8")

    @property
    def shop(self) -> Shop:
        """The settings as it is now, parsed."""
        return parse(self.settings_text, where=SETTINGS)

    def apply(self, settings: str | Path) -> None:
        """Put a settings file in force without a restart, and wait until every service runs it."""
        text = read_settings(settings)
        parse(text, where=str(settings))
        _write(self.folder / SETTINGS, text)
        self.await_settings()

    def await_settings(self) -> None:
        """Wait until every service runs what the settings file says, or raise LabError."""
        wanted, end = digest(self.settings_text), time.monotonic() + _CHANGE_S
        while True:
            behind = [
                name
                for name, url in self.endpoints.items()
                if (ask(f"{url}/settings") or {}).get("digest") != wanted
            ]
            if not behind:
                return
            if time.monotonic() > end:
                raise LabError(
                    f"{behind} do not run the new settings after {_CHANGE_S:g} s",
                    where=str(self.folder / SETTINGS),
                    remedy="see logs/ in that folder for why they refused them",
                )
            time.sleep(0.05)

    def begin_load(self, plan: Plan, *, patience_s: float = 10.0) -> Loading:
        """Start to load the lab and return at once."""
        command = [sys.executable, "-m", "workbench.lab.load", str(self.folder)]
        entry = self.shop.entry
        command += [f"{self.endpoints[entry]}/{entry}", json.dumps(plan.described())]
        command += ["--patience", str(patience_s), "--parent", str(os.getpid())]
        return Loading(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )

    def load(
        self,
        steps: Sequence[tuple[float, float]],
        *,
        bursts: Sequence[tuple[float, int]] = (),
        seed: int = 1,
        patience_s: float = 10.0,
    ) -> Summary:
        """Load the lab by steps of (seconds, requests per second) and wait for the last answer."""
        return self.begin_load(Plan(tuple(steps), tuple(bursts), seed), patience_s=patience_s).wait()

    def down(self) -> None:
        """End everything and wait until nothing runs."""
        down(self.folder)
        if self._supervisor:
            self._supervisor.wait()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def __repr__(self) -> str:
        return f"Lab({str(self.folder)!r}, {self.endpoints}, prometheus={self.prometheus!r})"


def up(
    folder: str | Path = "runs/lab",
    settings: str | Path = "healthy",
    *,
    idle_limit_s: float = 0.0,
    detached: bool = False,
    prometheus: str = "auto",
    program: Sequence[str] = OURS,
) -> Lab:
    """Start a lab in `folder` with a settings file, or one of those that come with the package.

    It ends with this process, or, `detached`, after `idle_limit_s` without requests. `prometheus` is the
    program, "auto" for the installed one if any, or "" to have the workbench scrape by itself. `program`
    is the command of a service, which takes the arguments of `workbench.lab.service` and answers what that
    does. Raises LabError if one is up in that folder, or the folder holds other things.
    """
    if detached and not idle_limit_s > 0:
        raise LabError(
            "no idle limit", where="lab up", expected="a limit above 0 s, so that no lab runs for ever unseen"
        )
    folder = Path(folder).absolute()
    text = read_settings(settings)
    parse(text, where=str(settings))
    _claim(folder)
    _write(folder / SETTINGS, text)
    command = [sys.executable, "-m", "workbench.lab.supervisor", str(folder)]
    command += ["--idle-limit", str(idle_limit_s), "--program", json.dumps(list(program))]
    command += ["--prometheus", (find_prometheus() or "") if prometheus == "auto" else prometheus]
    if not detached:
        command += ["--owner", str(os.getpid())]
    with (folder / "startup.log").open("wb") as log:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_start(folder, supervisor)
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        raise
    return Lab(folder, _state(folder), supervisor)


def down(folder: str | Path = "runs/lab") -> None:
    """End the lab in `folder`, if one is up, and wait until nothing runs."""
    folder = Path(folder)
    end = time.monotonic() + _STOP_S
    while is_up(folder):
        (folder / STOP).touch()
        if time.monotonic() > end:
            # The lock is held, so the process id is still the supervisor's; its children die with it.
            os.kill(int((folder / LOCK).read_text(encoding="ascii")), signal.SIGKILL)
        time.sleep(0.05)
    (folder / STATE).unlink(missing_ok=True)


def find(folder: str | Path = "runs/lab") -> Lab:
    """Give the lab that is up in `folder`, or raise LabError."""
    folder = Path(folder).absolute()
    if not is_up(folder) or not (folder / STATE).exists():
        raise LabError("no lab is up", where=str(folder), remedy="start one with `workbench lab up`")
    return Lab(folder, _state(folder))


def is_up(folder: str | Path) -> bool:
    """True while a supervisor holds the folder."""
    try:
        with (Path(folder) / LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def find_prometheus() -> str | None:
    """Give the installed Prometheus, if any."""
    return shutil.which("prometheus", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/bin")))


def _claim(folder: Path) -> None:
    if is_up(folder):
        raise LabError("a lab is up there", where=str(folder), remedy="end it with `workbench lab down`")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / LOCK).exists())):
        raise LabError(
            "it exists and is not the folder of a lab", where=str(folder), remedy="choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LOCK).touch()
    for name in (STATE, STOP):
        (folder / name).unlink(missing_ok=True)


def _await_start(folder: Path, supervisor: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while not (folder / STATE).exists():
        if supervisor.poll() is not None or time.monotonic() > end:
            why = (folder / "startup.log").read_text(encoding="utf-8", errors="replace").strip()
            raise LabError(
                f"it did not start: {why or 'no answer in time'}", where=str(folder), remedy="see logs/ there"
            )
        time.sleep(0.05)


def _state(folder: Path) -> dict[str, Any]:
    return json.loads((folder / STATE).read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
