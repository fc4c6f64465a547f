"""nginx.conf: blocks by service, upstreams by their name and locations by where proxy_pass leads.

    upstream orders {
        server 10.0.0.7:8080 max_conns=40;
    }
    location /orders/ { proxy_pass http://orders; proxy_read_timeout 3s; }

A directive is read as the location inherits it, and written into the location. Limits by rate or connections
are those of all clients together: a zone whose key tells clients apart is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._quantity import quantity, with_unit
from workbench.targets._seam import changed, line_end, one_line, provenance, refuse_side_effects
from workbench.targets._splice import Splice, splice

FORMAT = "nginx.conf"
SYSTEMS = ("nginx",)
FILENAME = "nginx.conf"
ENCODING = "utf-8"

# What the twin retries; nginx's own default leaves 5xx answers alone.
RETRY_ON = "proxy_next_upstream error timeout http_500 http_502 http_503 http_504;"

_BLOCKS = ("events", "http", "upstream", "location")
_ZONES = {"limit_req": "limit_req_zone", "limit_conn": "limit_conn_zone"}
_SECONDS = {"ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400", "w": "604800"}
_UNITS = {unit: Decimal(size) for unit, size in _SECONDS.items()}
_UNITS |= {"r/s": Decimal(1), "r/m": 1 / Decimal(60)}
_BARE = {"ms": "s", "r/s": "r/s", "s": "s"}
_TOKEN = re.compile(
    r"(?P<blank>[\s\ufeff]+|#[^\r\n]*)|(?P<sign>[;{}])"
    r"|(?P<word>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{[^}\s]*\}|[^\s;{}\"'#\\])(?:\\.|\$\{[^}\s]*\}|[^\s;{}\\])*)",
    re.DOTALL,
)


def blank(knobs: Iterable[Knob]) -> str:
    """Give a proxy before every service, which is taken for a host of that name."""
    services = [s for s in dict.fromkeys(knob.service for knob in knobs) if s != "nginx"]
    upstreams = "".join(
        f"    upstream {_quoted(s)} {{\n        zone {_quoted(s)} 64k;\n"
        f"        server {_quoted(f'{s}:80')} max_fails=1 fail_timeout=10s;\n    }}\n"
        for s in services
    )
    locations = "".join(
        f"        location {_quoted(f'/{s}/')} {{\n            proxy_pass {_quoted(f'http://{s}')};\n"
        '            proxy_http_version 1.1;\n            proxy_set_header Connection "";\n        }\n'
        for s in services
    )
    return (
        f"{one_line('# Proxy before ' + ', '.join(services))}.\nevents {{\n}}\nhttp {{\n{upstreams}"
        f"    server {{\n        listen 8080;\n{locations}    }}\n}}\n"
    )


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; what differs between servers or locations is left out."""
    root = _parse(text, where)
    found: dict[str, Value] = {}
    for knob in knobs:
        said = set()
        for chain in _chains(root, knob):
            held = next((own for block in reversed(chain) if (own := _own(root, block, knob))), [])
            said |= {_value(text, directive, knob, where) for directive in held} or {None}
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
    """Give the file with these settings; a service that it has no block for raises TargetError."""
    known = list(knobs)
    now = current(text, known, where=where)
    wanted = changed(settings, now, known)
    after = text
    for knob in sorted(wanted, key=known.index):  # a rate before its burst
        after = _with(after, knob, wanted[knob], why.get(knob.key, ""), where)
    refuse_side_effects(
        current(after, known, where=where),
        now.with_({k.key: v for k, v in wanted.items()}),
        where=where,
        expected="one place for each setting",
        remedy="write the settings out in the blocks of each service, then export again",
    )
    return after


@dataclass
class _Word:
    text: str
    start: int
    end: int


@dataclass
class _Directive:
    """A directive: its words, its block if it has one, and where its `;` or `}` stands."""

    words: list[_Word]
    block: list[_Directive] | None
    end: int = 0

    @property
    def name(self) -> str:
        return self.words[0].text if self.words else ""

    def named(self, name: str) -> list[_Directive]:
        return [one for one in self.block or () if one.name == name]

    def argument(self, name: str) -> _Word | None:
        """The word after `name=`."""
        found = [word for word in self.words[1:] if word.text.startswith(f"{name}=")]
        if not found:
            return None
        return _Word(
            found[0].text[len(name) + 1 :], found[0].end - len(found[0].text) + len(name) + 1, found[0].end
        )

    def says(self, word: str) -> _Word | None:
        return next((one for one in self.words[1:] if one.text == word), None)


def _parse(text: str, where: str) -> _Directive:
    root = _Directive([], [], len(text))
    open_, words, position = [root], list[_Word](), 0

    def refused(found: str, expected: str) -> TargetError:
        line = len(re.findall(r"\r\n|\r|\n", text[:position])) + 1
        return TargetError(
            found, where=f"{where}:{line}", expected=expected, remedy="correct it with nginx -t"
        )

    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise refused(f"{text[position]!r}", "directives of nginx, quotes closed")
        sign = match["sign"]
        if match["word"]:
            words.append(_Word(_bare(match["word"]), *match.span()))
        elif sign and (bool(words) == (sign == "}") or (sign == "}" and len(open_) == 1)):
            raise refused(f"{sign!r} at this place", "directives that end in ; and blocks in braces")
        elif sign == ";":
            open_[-1].block.append(_Directive(words, None, match.start()))  # type: ignore[union-attr]
            words = []
        elif sign == "{":
            inner = _Directive(words, [])
            open_[-1].block.append(inner)  # type: ignore[union-attr]
            open_.append(inner)
            words = []
        elif sign == "}":
            open_.pop().end = match.start()
        position = match.end()
    if words or len(open_) > 1:
        raise refused("the end of the file within a directive", "its ; or }")
    return root


def _bare(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] in "\"'" else word


def _chains(root: _Directive, knob: Knob) -> list[tuple[_Directive, ...]]:
    """Give the blocks in which the knob is set, each with those that it inherits from before it."""
    home = knob.name.split(".")[0]
    if home not in _BLOCKS:
        return [(root,)]
    if home in ("events", "http"):
        return [(block,) for block in root.named(home)]
    if home == "upstream":
        upstreams = [u for http in root.named("http") for u in http.named("upstream")]
        return [(u,) for u in upstreams if [word.text for word in u.words[1:]] == [knob.service]]
    return _locations(root, knob.service)


def _locations(root: _Directive, service: str) -> list[tuple[_Directive, ...]]:
    def inside(chain: tuple[_Directive, ...]) -> Iterator[tuple[_Directive, ...]]:
        for block in chain[-1].block or ():
            leads = [
                re.match(r"https?://([^/:]*)", p.words[1].text)
                for p in block.named("proxy_pass")
                if p.words[1:]
            ]
            if block.name == "location" and any(match and match[1] == service for match in leads):
                yield (*chain, block)
            elif block.block:
                yield from inside((*chain, block))

    return [chain for http in root.named("http") for chain in inside((http,))]


def _own(root: _Directive, block: _Directive, knob: Knob) -> list[_Directive]:
    """Give the directives in a block that set the knob."""
    directive = _steps(knob)[0]
    found = block.named(directive)
    shared = _shared_zones(root)
    if directive in _ZONES:
        return [one for one in found if _zone(one) in shared]
    if directive in _ZONES.values():
        users = [one for chain in _locations(root, knob.service) for b in chain for one in b.block or ()]
        used = {_zone(one) for one in users if one.name in _ZONES}
        return [one for one in found if _zone(one) in shared & used]
    return found


def _zone(directive: _Directive) -> str:
    """Give the name of the zone that a directive uses or declares."""
    if directive.name == "limit_conn":
        return directive.words[1].text if directive.words[1:] else ""
    zone = directive.argument("zone") if directive.name in (*_ZONES, *_ZONES.values()) else None
    return zone.text.split(":")[0] if zone else ""


def _shared_zones(root: _Directive) -> set[str]:
    return {
        _zone(zone)
        for http in root.named("http")
        for name in _ZONES.values()
        for zone in http.named(name)
        if zone.words[1:] and (zone.words[1].text == "$server_name" or "$" not in zone.words[1].text)
    }


def _steps(knob: Knob) -> list[str]:
    steps = knob.name.split(".")
    return steps[1:] if steps[0] in _BLOCKS else steps


def _spot(directive: _Directive, knob: Knob) -> _Word | None:
    """Give the word that holds the value; one that says more or less than the knob's flag holds none."""
    _, *rest = _steps(knob)
    if rest:
        return directive.argument(rest[0])
    return directive.words[-1 if directive.name == "limit_conn" else 1] if directive.words[1:] else None


def _value(text: str, directive: _Directive, knob: Knob, where: str) -> Value:
    spot = _spot(directive, knob)
    if spot is None and directive.name == "limit_req":
        return 0  # nginx has no burst then, and refuses one of 0
    if spot is None or spot.text == "auto" or not _flagged(directive, knob):
        return None
    line = len(re.findall(r"\r\n|\r|\n", text[: spot.start])) + 1
    return quantity(spot.text, knob, f"{where}:{line}", units=_UNITS, bare=_BARE.get(knob.unit, ""))


def _flagged(directive: _Directive, knob: Knob) -> bool:
    flags = _steps(knob)[2:]
    return directive.name != "limit_req" or [f for f in ("nodelay",) if directive.says(f)] == flags


def _with(text: str, knob: Knob, value: float | str, why: str, where: str) -> str:
    """Give the text with one setting."""
    root, says = _parse(text, where), with_unit(value, knob, _UNITS)
    chains = _chains(root, knob)
    if not chains:
        raise _missing(knob, where)
    splices: list[Splice] = []
    for number, chain in enumerate(chains):
        reason = why if number == 0 else ""
        own = _own(root, chain[-1], knob)
        splices += [s for i, one in enumerate(own) for s in _replaced(one, knob, says, "" if i else reason)]
        if not own:
            splices += _added(text, root, chain, knob, says, reason, where)
    return splice(text, dict.fromkeys(splices))  # several locations ask for the same zone


def _replaced(directive: _Directive, knob: Knob, says: str, why: str) -> Iterator[Splice]:
    _, *rest = _steps(knob)
    spot, last, begun = _spot(directive, knob), directive.words[-1], directive.words[0].start
    if directive.name == "limit_req" and says == "0":
        start, end = (spot.start - len(f" {rest[0]}="), spot.end) if spot else (last.end, last.end)
        yield Splice(start, end, "", knob.key, why, above=begun)
    elif spot:
        yield Splice(spot.start, spot.end, says, knob.key, why, above=begun)
    else:
        yield Splice(last.end, last.end, f" {'='.join([*rest[:1], says])}", knob.key, why, above=begun)
    if directive.name == "limit_req" and not _flagged(directive, knob):
        flag = directive.says("nodelay")
        yield Splice(flag.start - 1, flag.end, "") if flag else Splice(last.end, last.end, " nodelay")


def _added(
    text: str, root: _Directive, chain: tuple[_Directive, ...], knob: Knob, says: str, why: str, where: str
) -> Iterator[Splice]:
    directive, *rest = _steps(knob)
    note = provenance(knob.key, why) if why else ""
    zone = re.sub(r"\W", "_", knob.service)
    if directive == "limit_req_zone":
        yield _line(text, chain[-1], note, f"limit_req_zone {zone} zone={zone}_rate:64k rate={says};")
        for _, *_, location in _locations(root, knob.service):
            yield _line(text, location, "", f"limit_req zone={zone}_rate;")
    elif directive == "limit_conn":
        yield _line(text, chain[-1], note, f"limit_conn {zone}_connections {says};")
        if not any(_zone(one) == f"{zone}_connections" for one in chain[0].block or ()):
            yield _line(text, chain[0], "", f"limit_conn_zone {zone} zone={zone}_connections:64k;")
    elif rest:
        raise _missing(knob, where)
    else:
        yield _line(text, chain[-1], note, f"{directive} {says};")
        if directive == "proxy_next_upstream_tries" and "proxy_next_upstream " not in text:
            yield _line(text, chain[-1], "", RETRY_ON)


def _line(text: str, block: _Directive, note: str, line: str) -> Splice:
    """Add a line, with its note above it, at the end of a block."""
    nl, before = line_end(text), _before(text, block.end)
    if not block.words:
        ended = nl if before else ""
        return Splice(block.end, block.end, ended + "".join(part + nl for part in (note, line) if part))
    outer = re.match(r"[ \t]*", before)[0]  # type: ignore[index]
    indent = _indent(text, block, outer)
    lines = "".join(indent + part + nl for part in (note, line) if part)
    if before.strip():
        return Splice(block.end, block.end, nl + lines + outer)
    return Splice(block.end - len(before), block.end - len(before), lines)


def _indent(text: str, block: _Directive, outer: str) -> str:
    for one in block.block or ():
        before = _before(text, one.words[0].start)
        if not before.strip():
            return before
    return outer + "    "


def _before(text: str, place: int) -> str:
    """Give what stands before a place on its line."""
    return text[max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1 : place]


def _missing(knob: Knob, where: str) -> TargetError:
    block = {
        "upstream": f"server lines in the upstream {knob.service!r}",
        "location": f"a location with proxy_pass to http://{knob.service}",
    }.get(knob.name.split(".")[0], f"the block {knob.name.split('.')[0]}")
    return TargetError(
        f"no place for {knob.key}",
        where=where,
        expected=block + (", and its rate" if "burst" in knob.name else ""),
        remedy="name the upstream after the service, or export without a file, which writes a new one",
    )


def _quoted(word: str) -> str:
    bare = re.fullmatch(r"[\w./:-]+", word)
    return word if bare else '"' + re.sub(r"[\\\"$]", r"\\\g<0>", one_line(word)) + '"'
