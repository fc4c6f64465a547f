"""The tokens of a GC log of JDK 5 to 8, and the lines that have none.

5057.964: [GC 5057.964: [ParNew: 78656K->8514K(78656K), 0.0043 secs] 102007K->33766K(122368K), 0.0044 secs]

is a stamp, the head of an event, a stamp, a generation, a move, a close, a move and a close.
"""

from __future__ import annotations

import re

from workbench.readers._gc_rows import UNITS, real

YOUNG = (b"ParNew", b"DefNew", b"PSYoungGen", b"ASParNew", b"ASPSYoungGen")
OLD = (b"Tenured", b"CMS", b"PSOldGen", b"ParOldGen", b"ASPSOldGen", b"ASCMS")

DATE = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{3}[+-]\d{4}"
UPTIME = rb"\d{1,10}[.,]\d{3}"
_SECONDS = rb"\d{1,9}[.,]\d{1,9}"
_SIZE = rb"(\d{1,12}(?:[.,]\d{1,3})?)([BKMG])"
ANY_SIZE = rb"\d{1,12}(?:[.,]\d{1,3})?[BKMG]"
_TIMES = rb"Times: user=(" + _SECONDS + rb") sys=(" + _SECONDS + rb"), real=" + _SECONDS + rb" secs\]"
_OF = rb"\(" + ANY_SIZE + rb"\)"
_GENERATIONS = b"|".join((b"CMS Perm", b"PSPermGen", b"ASPSPermGen", b"Perm", b"Metaspace", *YOUNG, *OLD))
TOKEN = re.compile(  # every alternative but the one of digits begins with a letter, which makes it fast
    rb"\[(?:(?P<times>" + _TIMES + rb")"
    rb"|(?P<cms>CMS-concurrent-([a-z-]{1,40}?)"
    rb"(?:-start\]|: ?" + _SECONDS + rb"/(" + _SECONDS + rb") secs\](?: ?\[" + _TIMES + rb")?))"
    rb"|(?P<g1>GC concurrent-([a-z-]{1,40})(?:, (" + _SECONDS + rb")(?: secs?)?)?\])"
    rb"|(?P<head>(Full GC|GC)(?=[ (\[\d,-]|\r?$)"
    rb"(?! (?!pause|remark|cleanup)[a-z]| Worker| [A-Z][^\[\]]{0,400}\])"
    rb"( pause| remark| cleanup)?(?: ?(--))?((?: ?\((?:[^()\[\]]|\(\)){1,99}\)){0,6}))"
    rb"|(?P<mark>1 CMS-(initial-mark|remark): \d{1,12}K\(\d{1,12}K\)\])"
    rb"|(?P<eden>Eden: " + _SIZE + _OF + rb"->" + _SIZE + _OF + rb" Survivors: " + _SIZE + rb"->" + _SIZE
    + rb" Heap: " + _SIZE + _OF + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)\])"
    rb"|(?P<heap> {1,3}" + _SIZE + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)\])"
    rb"|(?P<leaf>(?:[A-Za-z][^\[\]>]{0,400}|\d{1,12})\])"
    rb"|(?P<generation>(" + _GENERATIONS + rb")(?![A-Za-z-]))"
    rb"|(?P<open>[A-Za-z]))"
    rb"|, ?(?P<close>(" + _SECONDS + rb") secs?\])"
    rb"|\](?P<end>)"
    rb"|\((?P<trait>promotion failed|concurrent mode (?:failure|interrupted)|to-space (?:exhausted|overflow)"
    rb"|initial-mark)\)"
    rb"|-(?P<failed>-(?=[ \[\d]))"
    rb"|threads were (?P<stopped>stopped: (" + _SECONDS + rb") seconds)"
    rb"|#(?P<number>(\d{1,12}): ?)"
    rb"|(?<!\d)(?=\d)(?:(?P<stamp>(?:(" + DATE + rb"): ?(?:(" + UPTIME + rb"): ?)?|(" + UPTIME + rb"): ?)"
    rb"(?:#(\d{1,12}): ?)?)"
    rb"|(?P<move>" + _SIZE + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)(?! (?!icms)[A-Za-z]))"
    rb"|(?P<used>" + _SIZE + rb"\(" + _SIZE + rb"\)(?=,| icms|\r?$)))"
)  # fmt: skip
DETAIL = (b" ", b"\t", b"-", b"{", b"}", b"[", b",", b":", b"Heap", b"Desired survivor", b"Application time",
           b"Adaptive", b"PSAdaptive", b"TLAB:", b"CommandLine flags", b"Memory:", b"OpenJDK",
           b"Java HotSpot")  # fmt: skip


def is_detail(line: bytes) -> bool:
    """True for one closed bracket of G1's details, such as [Parallel Time: 212.3 ms, GC Workers: 8]."""
    line = line.strip()
    return (
        line[:1] == b"["
        and line[-1:] == b"]"
        and line.find(b"[", 1) < 0
        and (b" ms" in line or b"(ms)" in line or b"Buffers: " in line or b"Attempts: " in line)
        and b"secs" not in line
    )


def sizes_of(token: re.Match[bytes], first: int, count: int) -> list[int]:
    """Read `count` sizes of two groups each, a number and its unit, from group `first` on."""
    groups = token.group(*range(first, first + 2 * count))
    return [
        int(number) * UNITS[unit] if number.isdigit() else round(real(number) * UNITS[unit])
        for number, unit in zip(groups[::2], groups[1::2], strict=True)
    ]
