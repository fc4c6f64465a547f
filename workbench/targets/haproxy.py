"""haproxy.cfg: sections by service, backends (or listens) of its name.

    backend orders
        timeout server 3s
        default-server maxconn 20 check
        server orders1 10.0.0.7:8080

What a backend leaves unset is read from the defaults before it, and written into the backend. What servers
have in common stands in default-server; a server that says otherwise is edited in its own line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._quantity import quantity, with_unit
from workbench.targets._seam import (
    changed,
    line_end,
    natural_lines,
    one_line,
    provenance,
    refuse_side_effects,
)
from workbench.targets._splice import Splice, splice

FORMAT = "haproxy.cfg"
SYSTEMS = ("haproxy",)
FILENAME = "haproxy.cfg"
ENCODING = "utf-8"

# What the twin retries; HAProxy's own default retries failed connections alone.
RETRY_ON = "retry-on all-retryable-errors"

_SECTIONS = (
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "mailers",
    "cache", "program", "ring", "http-errors", "fcgi-app", "log-forward",
)  # fmt: skip
_SECONDS = {"us": "0.000001", "ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400"}
_UNITS = {unit: Decimal(size) for unit, size in _SECONDS.items()}
_WORD = re.compile(r"\s*((?:\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s\"'\\#])+)")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a proxy before every service, which is taken for a host of that name."""
    services = [_escaped(s) for s in dict.fromkeys(knob.service for knob in knobs) if s != "haproxy"]
    uses = "".join(f"    use_backend {s} if {{ path_beg /{s}/ }}\n" for s in services)
    backends = "".join(f"\nbackend {s}\n    server {s} {s}:80\n" for s in services)
    return (
        f"# Proxy before {', '.join(services)}.\nglobal\n    log stdout local0\n\ndefaults\n    mode http\n\n"
        f"frontend services\n    bind :8080\n{uses}{backends}"
    )


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; what differs between servers is left out."""
    sections = _sections(text)
    found: dict[str, Value] = {}
    for knob in knobs:
        said = {
            quantity(spot.text, knob, f"{where}:{spot.line}", units=_UNITS, bare="ms") if spot else None
            for chain in _chains(sections, knob)
            for spot in _spots(chain, knob)
        }
        value = said.pop() if len(said) == 1 else None
        if value is not None:
            found[knob.key] = value
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings; a service that it has no backend for raises TargetError."""
    known = list(knobs)
    now = current(text, known, where=where)
    wanted = changed(settings, now, known)
    after = text
    for knob, value in wanted.items():
        after = _with(after, knob, with_unit(value, knob, _UNITS), why.get(knob.key, ""), where)
    refuse_side_effects(
        current(after, known, where=where),
        now.with_({k.key: v for k, v in wanted.items()}),
        where=where,
        expected="one section for each service",
        remedy="write the settings out in the backend of each service, then export again",
    )
    return after


@dataclass(frozen=True)
class _Word:
    text: str
    line: int
    start: int
    end: int


@dataclass
class _Section:
    words: list[_Word]
    lines: list[list[_Word]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.words[0].text

    def starting(self, *words: str) -> list[list[_Word]]:
        return [line for line in self.lines if [word.text for word in line[: len(words)]] == list(words)]


def _sections(text: str) -> list[_Section]:
    found: list[_Section] = []
    begun = 0
    for number, line in enumerate(natural_lines(text), 1):
        words = list(_words(line, number, begun))
        if words and words[0].text in _SECTIONS:
            found.append(_Section(words))
        elif words and found:
            found[-1].lines.append(words)
        begun += len(line)
    return found


def _words(line: str, number: int, begun: int) -> Iterator[_Word]:
    position = 1 if line.startswith("\ufeff") else 0
    while match := _WORD.match(line, position):
        bare = re.sub(r"\\(.)|[\"']", lambda m: m[1] or "", match[1])
        yield _Word(bare, number, begun + match.start(1), begun + match.end(1))
        position = match.end()


def _chains(sections: list[_Section], knob: Knob) -> list[tuple[_Section, ...]]:
    """Give the sections in which the knob is set, each with the defaults before it."""
    home = knob.name.split(".")[0]
    found: list[tuple[_Section, ...]] = []
    defaults: tuple[_Section, ...] = ()
    for section in sections:
        names = [word.text for word in section.words[1:2]]
        if section.kind == home == "backend" or (home == "backend" and section.kind == "listen"):
            if names == [knob.service]:
                found.append((*defaults, section))
        elif section.kind == home:
            found.append((section,))
        defaults = (section,) if section.kind == "defaults" else defaults
    return found


def _spots(chain: tuple[_Section, ...], knob: Knob) -> list[_Word | None]:
    """Give the words that hold the value, one of each server where it is theirs; None where it is unset."""
    _, *steps = knob.name.split(".")
    if steps[0] != "default-server":
        held = next((lines for s in reversed(chain) if (lines := s.starting(*steps))), [])
        return [line[len(steps)] if line[len(steps) :] else None for line in held[-1:]]
    common = [_after(line, steps[1]) for s in chain for line in s.starting("default-server")]
    default = next((word for word in reversed(common) if word), None)
    servers = [_after(line, steps[1]) for line in chain[-1].starting("server")]
    return [word or default for word in servers] or [default]


def _after(line: list[_Word], name: str) -> _Word | None:
    return next((line[i + 1] for i, word in enumerate(line[:-1]) if i and word.text == name), None)


def _with(text: str, knob: Knob, says: str, why: str, where: str) -> str:
    """Give the text with one setting."""
    chains = _chains(_sections(text), knob)
    if len(chains) != 1:
        home = knob.name.split(".")[0]
        raise TargetError(
            f"{len(chains)} sections for {knob.key}",
            where=where,
            expected=f"one {home}" + (f" named {knob.service!r}" if home == "backend" else ""),
            remedy="name the backend after the service, or export without a file, which writes a new one",
        )
    [chain] = chains
    _, *steps = knob.name.split(".")
    section = chain[-1]
    mine = {id(word) for line in section.lines for word in line}
    held = list({id(spot): spot for spot in _spots(chain, knob) if spot and id(spot) in mine}.values())
    common = section.starting("default-server")
    splices = [Splice(spot.start, spot.end, says, knob.key, "" if i else why) for i, spot in enumerate(held)]
    if not _covered(section, steps, held):
        note = "" if splices else why
        if steps[0] == "default-server" and common:
            end = common[-1][-1].end
            splices.append(Splice(end, end, f" {steps[1]} {says}", knob.key, note))
        else:
            splices.append(_line(text, section, provenance(knob.key, note) if note else "", [*steps, says]))
    if steps == ["retries"] and not any(s.starting("retry-on") for s in chain):
        splices.append(_line(text, section, "", [RETRY_ON]))
    return splice(text, splices)


def _covered(section: _Section, steps: list[str], held: list[_Word]) -> bool:
    """True if the words found in the section say it for all of its servers."""
    if steps[0] != "default-server":
        return bool(held)
    common = any(_after(line, steps[1]) for line in section.starting("default-server"))
    servers = section.starting("server")
    return common or (bool(servers) and all(_after(line, steps[1]) for line in servers))


def _line(text: str, section: _Section, note: str, words: list[str]) -> Splice:
    """Add a line with its note above it: at the end of the section, default-server before the servers."""
    nl = line_end(text)
    servers = section.starting("server") if words[0] == "default-server" else []
    beside = (servers or [section.lines[-1] if section.lines else section.words])[0]
    begun = max(text.rfind("\n", 0, beside[0].start), text.rfind("\r", 0, beside[0].start)) + 1
    indent = text[begun : beside[0].start].removeprefix("\ufeff") if section.lines else "    "
    lines = [indent + part for part in (note, " ".join(words)) if part]
    if servers:
        return Splice(begun, begun, "".join(line + nl for line in lines))
    end = re.compile(r"[^\r\n]*").match(text, beside[-1].end).end()  # type: ignore[union-attr]
    return Splice(end, end, "".join(nl + line for line in lines))


def _escaped(word: str) -> str:
    return re.sub(r"[\s\\\"'#]", r"\\\g<0>", one_line(word))
