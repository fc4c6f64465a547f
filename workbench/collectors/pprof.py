"""pprof over HTTP, as Go's net/http/pprof serves it → a file for each profile.

GET /debug/pprof/                      a page that links to each profile: <a href='heap?debug=1'>
GET /debug/pprof/profile?seconds=30    where the CPU was in that time
GET /debug/pprof/allocs?seconds=30     what was allocated in that time, not since the start
GET /debug/pprof/goroutine             where every goroutine stands
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.collectors import _files
from workbench.collectors._http import Server
from workbench.errors import CollectError

_INDEX = "/debug/pprof"
_LINK = re.compile(r"""href=['"]([\w.-]+)\?debug=1['"]""")
_KINDS = (
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf+gzip",
)
_GZIP = b"\x1f\x8b"
_LIST = "goroutine-list"
# They only grow: what they did meanwhile is of interest.
_OVER_TIME = ("profile", "allocs", "block", "mutex")
_REFUSED = {
    "trace": "an execution trace is not a profile; `go tool trace` shows it",
    "cmdline": "a command line may hold secrets",
    "symbol": "it answers questions about addresses; profiles have their symbols",
}


def record(
    url: str,
    folder: str | Path,
    duration_s: float = 30.0,
    *,
    kinds: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
) -> list[Path]:
    """Take the profiles that the program at `url` lists (or `kinds` of them); give the files written.

    CPU, allocations, blocking and mutexes are those of the next `duration_s`, taken at once; other profiles
    are of the moment after it. `goroutine-list`, if named, is every goroutine with its state, for which the
    program stops. Credentials are used and written nowhere. Raises CollectError if the program does not
    answer as it should; then nothing is written.
    """
    named = list(kinds)
    for kind in named:
        if kind in _REFUSED:
            raise CollectError(
                f"profile {kind!r}", where="pprof", expected="a profile", remedy=_REFUSED[kind]
            )
    base = url.rstrip("/").removesuffix(_INDEX)
    with Server(
        base, "a Go program with net/http/pprof", headers=headers, auth=auth, timeout_s=timeout_s, tries=2
    ) as live:
        wanted = named or _listed(live)
        over_time = [kind for kind in wanted if kind in _OVER_TIME]
        with ThreadPoolExecutor(len(_OVER_TIME)) as pool:
            found = dict(
                zip(over_time, pool.map(lambda kind: _over(live, kind, duration_s), over_time), strict=True)
            )
        found |= {kind: _now(live, kind) for kind in wanted if kind not in found}
    return [_files.write(Path(folder) / _name(kind, content), content) for kind, content in found.items()]


def _name(kind: str, content: bytes) -> str:
    return f"{kind}{'.txt' if kind == _LIST else '.pb.gz' if content.startswith(_GZIP) else '.pb'}"


def _listed(live: Server) -> list[str]:
    page = live.get(f"{_INDEX}/", kinds=("text/html",)).decode("utf-8", "replace")
    found = [kind for kind in dict.fromkeys(_LINK.findall(page)) if kind not in _REFUSED]
    if not found:
        raise CollectError(
            "a page without links to profiles",
            where=f"{live.place}{_INDEX}/",
            expected="the index of net/http/pprof",
            remedy="name the kinds that it serves, or import net/http/pprof in the program",
        )
    return found if "profile" in found else ["profile", *found]  # which old versions of Go do not list


def _over(live: Server, kind: str, duration_s: float) -> bytes:
    seconds = max(1, round(duration_s))
    return live.get(f"{_INDEX}/{kind}", {"seconds": seconds}, kinds=_KINDS, patience_s=seconds)


def _now(live: Server, kind: str) -> bytes:
    if kind == _LIST:
        return live.get(f"{_INDEX}/goroutine", {"debug": 2}, kinds=("text/plain",))
    return live.get(f"{_INDEX}/{kind}", kinds=_KINDS)
