from __future__ import annotations

import csv
import functools
import random
import re
import time

import numpy as np
import pandas as pd
import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, _digits, _stamps, _unified_blocks, _unified_lines, _unified_log
from workbench.readers import hotspot_unified as reader
from workbench.readers._gc_rows import epoch_ns

GENERATED = "generated/"
SAMPLES = ROOT / "data" / "samples" / "hotspot_unified"
MIB = 1024**2

# What these logs lack beside the truth of the run that wrote them:
UNEQUAL = {
    "jdk17-rotated-g1.log": "a segment of the set is not in the corpus",
    "jdk17-zgc-plain.log": "a plain log of Z holds no pauses",
    "jdk21-zgc-generational-plain.log": "a plain log of Z holds no pauses",
    "jdk21-stdout-noise-zgc-generational.log": "a plain log of Z holds no pauses",
}


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def pauses_of(text: str) -> pd.DataFrame:
    return read(text).frames["pauses"]


@functools.cache
def read_corpus(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    frames = reader.read(Stream(path, corpus.corpus("gc", path))).frames
    return frames["pauses"], frames["collections"]


def of_gc(pauses: pd.DataFrame) -> pd.DataFrame:
    return pauses[~pauses["kind"].str.startswith("Safepoint")]


# Against the programs that wrote the logs


def test_cycles_and_pauses_are_as_many_as_the_collectors_themselves_counted():
    checked, wrong = 0, {}
    for path, counts in _bean_counts().items():
        pauses, collections = read_corpus(path)
        name = path.removeprefix(GENERATED)
        for bean, count in counts.items():
            if name in UNEQUAL and ("Pauses" in bean or "G1" in bean):
                assert len(pauses) < sum(c for b, c in counts.items() if "Pauses" in b or "G1" in b)
                continue
            ours = _count(bean, pauses, collections)
            if bean == "ConcurrentMarkSweep":
                # The bean counts a cycle at the end of its sweep, and a Full; here the last came after it.
                assert ours - count in (0, 1), path
            elif bean in ("ZGC Minor Pauses", "ZGC Major Pauses"):
                # The bean gives a pause of the old generation to the minor cycle that runs at the time.
                elsewhere = _old_pauses_during_minor_cycles(path)
                assert ours - count == (elsewhere if "Major" in bean else -elsewhere), path
            elif ours != count:
                wrong[path, bean] = (ours, count)
            checked += 1
    assert wrong == {}
    assert checked > 100


def _bean_counts() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for path in corpus.of_family("gc", "jvm-unified-*"):
        for quantity, known in corpus.expected("gc").get(path, {}).items():
            if quantity.startswith("mxbean:") and quantity.endswith(" collection count"):
                bean = quantity.removeprefix("mxbean:").removesuffix(" collection count")
                found.setdefault(path, {})[bean] = int(known.value)
    return found


def _old_pauses_during_minor_cycles(path: str) -> int:
    running, count = False, 0
    for line in corpus.corpus("gc", path).read_text().splitlines():
        if " Minor Collection (" in line:
            running = not line.endswith("s")
        count += running and re.search(r"O: Pause .* [\d.]+ms", line) is not None
    return count


def _count(bean: str, pauses: pd.DataFrame, collections: pd.DataFrame) -> int:
    kinds = collections["kind"].value_counts()
    kind_of = collections.drop_duplicates("cycle").set_index("cycle")["kind"]
    pauses = of_gc(pauses)
    if bean in ("Copy", "PS Scavenge", "ParNew", "G1 Young Generation"):
        return kinds.get("young", 0) + kinds.get("mixed", 0)
    if bean in ("MarkSweepCompact", "PS MarkSweep", "G1 Old Generation"):
        return kinds.get("full", 0)
    if bean == "ConcurrentMarkSweep":
        ended = (collections["kind"] == "concurrent") & (collections["pauses"] == 2)
        return kinds.get("full", 0) + ended.sum()
    if bean == "G1 Concurrent GC":  # it counts Remark and Cleanup, not cycles
        return pauses["kind"].isin(["Pause Remark", "Pause Cleanup"]).sum()
    if bean in ("ZGC Minor Cycles", "ZGC Major Cycles"):
        return kinds.get(bean.split()[1].lower(), 0)
    if bean in ("ZGC Minor Pauses", "ZGC Major Pauses"):
        return (pauses["cycle"].map(kind_of) == bean.split()[1].lower()).sum()
    if bean in ("ZGC", "ZGC Cycles", "Shenandoah Cycles"):
        return len(collections)
    assert bean in ("ZGC Pauses", "Shenandoah Pauses"), bean
    return len(pauses)


@pytest.mark.parametrize(
    ("log", "beans", "rounding_bytes"),
    [
        ("jdk17-serial-plain", {"Copy": "young", "MarkSweepCompact": "full"}, MIB),
        ("jdk17-parallel-plain", {"PS Scavenge": "young", "PS MarkSweep": "full"}, MIB),
        # Z's bean reads the heap a moment later, while the program allocates.
        (
            "jdk21-zgc-generational-plain",
            {"ZGC Minor Cycles": "minor", "ZGC Major Cycles": "major"},
            32 * MIB,
        ),
        # G1 logs what is in use by regions of 1 MiB.
        (
            "jdk21-decor-uptimemillis-g1",
            {"G1 Young Generation": "young", "G1 Old Generation": "full"},
            2 * MIB,
        ),
    ],
)
def test_each_collection_began_and_held_what_the_collector_notified(log, beans, rounding_bytes):
    _, collections = read_corpus(f"{GENERATED}{log}.log")
    for bean, kind in beans.items():
        truth = [row for row in _notified(log) if row["gcName"] == bean]
        ours = collections[collections["kind"].isin([kind, "mixed"] if kind == "young" else [kind])]
        assert len(ours) == len(truth)
        for (_, row), notice in zip(ours.iterrows(), truth, strict=True):
            # The bean's clock starts some milliseconds after the log's, and counts whole ones.
            assert row["uptime_s"] == pytest.approx(int(notice["startMs"]) / 1e3, abs=0.12)
            assert row["heap_before_bytes"] == pytest.approx(int(notice["heapBefore"]), abs=rounding_bytes)
            assert row["heap_after_bytes"] == pytest.approx(int(notice["heapAfter"]), abs=rounding_bytes)
            assert row["cause"] == notice["cause"]


def _notified(log: str) -> list[dict[str, str]]:
    text = corpus.corpus("gc", GENERATED, f"{log}.mxbean.tsv").read_text().splitlines()
    return list(csv.DictReader((line for line in text if not line.startswith("#")), delimiter="\t"))


def test_our_own_sample_agrees_with_the_beans_printed_at_its_end():
    path = SAMPLES / "serial-stdout.log"
    counts = dict(line.split(": ") for line in path.read_text().splitlines()[-2:])
    kinds = reader.read(Stream("", path)).frames["collections"]["kind"].value_counts()
    assert kinds.to_dict() == {"young": int(counts["Copy"]), "full": int(counts["MarkSweepCompact"])}


# Against a plain count of lines


def test_pauses_are_the_lines_that_grep_finds_where_none_is_nested():
    nested = ("jdk11-cms-", "jdk11-serial-", "unified/cms/")
    wrong, checked = {}, 0
    for path in corpus.of_family("gc", "jvm-unified-*"):
        peer = _peers().get(path)
        if peer and not path.endswith(".zip") and not any(part in path for part in nested):
            pauses = of_gc(read_corpus(path)[0])
            theirs = int(peer["grep_pause_lines"]), pytest.approx(float(peer["grep_pause_sum_s"]), abs=2e-6)
            if (len(pauses), pauses["duration_s"].sum()) != theirs:
                wrong[path] = (len(pauses), pauses["duration_s"].sum(), theirs)
            checked += 1
    assert wrong == {}
    assert checked > 60


@pytest.mark.parametrize("log", ["jdk11-serial-detail.log", "jdk11-cms-detail.log"])
def test_a_full_inside_a_young_is_no_pause_of_its_own(log):
    open_pauses, count, total_s = [], 0, 0.0
    for line in corpus.corpus("gc", GENERATED, log).read_text().splitlines():
        if found := re.search(r"GC\((\d+)\) Pause .*?(?: ([\d.]+)ms)?$", line):
            number, ended_ms = found.groups()
            if not ended_ms:
                open_pauses.append(number)
                continue
            assert open_pauses.pop() == number
            if not open_pauses:
                count, total_s = count + 1, total_s + float(ended_ms) / 1e3
    pauses, collections = read_corpus(GENERATED + log)
    pauses = of_gc(pauses)
    assert len(pauses) == count
    assert pauses["duration_s"].sum() == pytest.approx(total_s, abs=1e-6)
    assert collections["pauses"].sum() == count
    assert collections["pause_s"].sum() == pytest.approx(total_s, abs=1e-6)


def test_the_corpus_names_the_top_level_sum_of_one_log_with_nested_pauses():
    pauses, _ = read_corpus(f"{GENERATED}jdk11-serial-detail.log")
    assert of_gc(pauses)["duration_s"].sum() == pytest.approx(2.071, abs=5e-4)


def _peers() -> dict[str, dict[str, str]]:
    with corpus.corpus("gc", "PEERS.tsv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


# Against peers' published values


def _of_peer(name: str) -> tuple[str, dict[str, corpus.Expected]]:
    return next((p, e) for p, e in corpus.expected("gc").items() if p.endswith(name))


def test_the_first_pause_of_g1_is_as_kslusarski_has_it():
    path, known = _of_peer("safepoint-analyzer-commons/src/test/resources/g1gc.log")
    pause = read_corpus(path)[0].iloc[0]
    value = {quantity.split("first cycle ")[1]: each.value for quantity, each in known.items()}
    assert f"{pause['kind']} ({pause['cause']})" == value["phase"]
    assert pause["cycle"] == int(value["sequenceId"])
    assert pause["duration_s"] * 1e3 == pytest.approx(float(value["timeMs"]))
    assert pause["uptime_s"] == float(value["timeStamp"])
    heap = pause[["heap_before_bytes", "heap_after_bytes", "heap_capacity_bytes"]] / MIB
    assert list(heap) == [int(value[f"heap{which}Mb"]) for which in ("BeforeGC", "AfterGC", "Size")]


def test_cycles_of_generational_z_are_as_kslusarski_has_them():
    path, known = _of_peer("zgc.log.gz")
    collections = read_corpus(path)[1].set_index("cycle")
    assert len(collections) == int(known["kslusarski:number of GC cycles"].value)
    for number, cycle in ((0, "first cycle"), (6, "cycle GC(6)")):
        row = collections.loc[number]
        assert (
            f"{row['kind'].title()} Collection ({row['cause']})" == known[f"kslusarski:{cycle} phase"].value
        )
        assert row["heap_before_bytes"] == int(known[f"kslusarski:{cycle} heapBeforeGCMb"].value) * MIB
        assert row["heap_after_bytes"] == int(known[f"kslusarski:{cycle} heapAfterGCMb"].value) * MIB
        assert pd.isna(row["heap_capacity_bytes"])  # -1 there


def test_the_first_cycle_of_shenandoah_is_as_kslusarski_has_it_but_for_the_heap_before():
    path, known = _of_peer("shenandoah.log.gz")
    pauses, collections = read_corpus(path)
    value = {quantity.split("first cycle ")[-1]: each.value for quantity, each in known.items()}
    assert collections["cycle"].nunique() == int(known["kslusarski:number of GC cycles"].value)
    first = collections.iloc[0]
    assert first["heap_after_bytes"] == int(value["heapAfterGCMb"]) * MIB
    assert first["heap_capacity_bytes"] == int(value["heapSizeMb"]) * MIB
    # The peer takes "before" from the last cleanup of a cycle, 127M; the first, 114M, is nearer to its begin.
    assert first["heap_before_bytes"] == 114 * MIB
    for _, pause in pauses[pauses["cycle"] == 0].iterrows():
        assert pause["duration_s"] * 1e3 == pytest.approx(float(value[f'subphase "{pause["kind"]}"']))


def test_counts_by_kind_are_as_gctoolkit_has_them():
    path, known = _of_peer("jvm-gc-10Nov2022.log")
    kinds = read_corpus(path)[0]["kind"].value_counts()
    assert kinds["Pause Young (Normal)"] == int(known["gctoolkit:count pause_young"].value)
    assert kinds["Pause Young (Concurrent Start)"] == int(
        known["gctoolkit:count pause_young_initial_mark(concurrent start)"].value
    )
    assert kinds["Pause Remark"] == int(known["gctoolkit:count pause_remark"].value)
    assert kinds["Pause Cleanup"] == int(known["gctoolkit:count pause_cleanup"].value)
    path, known = _of_peer("factorization-serialgc-tip.log")
    kinds = read_corpus(path)[1]["kind"].value_counts()
    assert kinds["young"] == int(known["gctoolkit:count young_gc(DefNew)"].value)
    assert kinds["full"] == int(known["gctoolkit:count full_gc(SystemGC)"].value)


# Line by line


@pytest.mark.parametrize(
    ("decorators", "start", "uptime_s"),
    [
        ("[2026-11-20T13:36:04.609+0530]", "2026-11-20T08:06:04.604Z", None),
        ("[2026-11-20T13:36:04.609+0530][2026-11-20T08:06:04.609+0000]", "2026-11-20T08:06:04.604Z", None),
        ("[1.105s][info][gc]", None, 1.1),
        ("[1,105s][info ][gc          ]", None, 1.1),
        ("[1105ms]", None, 1.1),
        ("[1105000000ns]", None, 1.1),
        ("[1666991499285ns][1105000000ns][warm-host][17][19]", None, 1.1),
        ("[1795161893066ms][1105ms]", "2026-11-20T08:04:53.061Z", 1.1),
        ("[warm-host][17][19][info][gc]", None, None),
        ("[pod/shop-7d/app] [1.105s][info][gc]", None, 1.1),
        ("2026-11-20T08:05:28.123456789Z stdout F [1.105s][info][gc]", None, 1.1),
    ],
)  # fmt: skip
def test_any_decorators_give_the_time_that_they_hold(decorators, start, uptime_s):
    (pause,) = pauses_of(
        f"{decorators} GC(0) Pause Young (Allocation Failure) 9M->4M(106M) 5.000ms\n"
    ).to_dict("records")
    assert pd.isna(pause["start"]) if start is None else pause["start"] == pd.Timestamp(start)
    assert pd.isna(pause["uptime_s"]) if uptime_s is None else pause["uptime_s"] == pytest.approx(uptime_s)
    assert pause["duration_s"] == pytest.approx(0.005)


def test_a_line_without_decorators_is_read():
    pause = pauses_of(
        "GC(7) Pause Young (Mixed) (G1 Evacuation Pause) (Evacuation Failure) 9M->4M(1G) 1,5ms"
    ).iloc[0]
    assert pause["kind"] == "Pause Young (Mixed) (Evacuation Failure)"
    assert (pause["cause"], pause["collector"], pause["cycle"]) == ("G1 Evacuation Pause", "G1", 7)
    assert pause["heap_capacity_bytes"] == 1024**3
    assert pause["duration_s"] == pytest.approx(0.0015)


def test_a_pause_begins_at_its_own_line_where_there_is_one():
    log = """[1.000s][info][gc,start] GC(3) Pause Full (System.gc())
[1.060s][info][gc] GC(3) Pause Full (System.gc()) 9M->4M(106M) 57.5ms
[1.060s][info][gc,cpu] GC(3) User=0.10s Sys=0.02s Real=0.06s"""
    pause = pauses_of(log).iloc[0]
    assert (pause["uptime_s"], pause["cause"], pause["user_s"], pause["sys_s"]) == (
        1.0,
        "System.gc()",
        0.1,
        0.02,
    )


def test_generations_of_serial_tell_what_was_promoted():
    log = """[0.2s][gc] Using Serial
[0.297s][gc,heap] GC(0) DefNew: 34944K(39296K)->1642K(39296K) Eden: 1K(1K)->0K(1K)
[0.297s][gc,heap] GC(0) Tenured: 100K(87424K)->350K(87424K)
[0.297s][gc] GC(0) Pause Young (Allocation Failure) 34M->1M(123M) 5.175ms"""
    row = read(log).frames["collections"].iloc[0]
    assert list(row[["young_before_bytes", "young_after_bytes"]] / 1024) == [34944, 1642]
    assert list(row[["old_before_bytes", "old_after_bytes"]] / 1024) == [100, 350]
    assert row["promoted_bytes"] == 250 * 1024


def test_generations_of_g1_are_regions_times_region_size():
    log = """[0.010s][gc,init] Heap Region Size: 2M
[0.613s][gc,heap] GC(1) Eden regions: 8->0(60)
[0.613s][gc,heap] GC(1) Survivor regions: 1->2(2)
[0.613s][gc,heap] GC(1) Old regions: 5->7
[0.613s][gc,heap] GC(1) Humongous regions: 3->1
[0.613s][gc] GC(1) Pause Young (Normal) (G1 Evacuation Pause) 12M->5M(106M) 4.985ms"""
    row = read(log).frames["collections"].iloc[0]
    assert list(row[["young_before_bytes", "young_after_bytes"]] / MIB) == [18, 4]
    assert list(row[["old_before_bytes", "old_after_bytes"]] / MIB) == [16, 16]
    assert pd.isna(row["promoted_bytes"])


def test_overlapping_cycles_of_generational_z_keep_their_own_pauses():
    path = "fragments/microsoft+gctoolkit/GenerationalZGCParserTest.testMultipleConcurrentCycles.log"
    pauses, collections = read_corpus(path)
    assert list(collections["kind"]) == ["major", "minor", "minor"]
    text = corpus.corpus("gc", path).read_text()
    for _, cycle in collections.iterrows():
        number = cycle["cycle"]
        printed = re.findall(rf"GC\({number}\) \w: Pause .* ([\d.]+)ms", text)
        total = re.search(rf"GC\({number}\) M\w+ Collection .* ([\d.]+)s", text)
        assert cycle["pauses"] == len(printed) == (pauses["cycle"] == number).sum()
        assert cycle["pause_s"] == pytest.approx(sum(map(float, printed)) / 1e3)
        assert cycle["duration_s"] == float(total[1])


def test_pauses_that_a_log_of_z_does_not_hold_are_missing_and_not_none():
    pauses, collections = read_corpus(f"{GENERATED}jdk17-zgc-plain.log")
    assert len(pauses) == 0
    assert collections["pauses"].isna().all()
    assert collections["pause_s"].isna().all()
    assert collections["duration_s"].isna().all()  # no line of their begin either


def test_a_concurrent_cycle_of_shenandoah_runs_from_its_first_phase_to_its_last():
    log = """[1.010s][gc] GC(0) Concurrent reset 4.000ms
[1.011s][gc] GC(0) Pause Init Mark (unload classes) 0.500ms
[1.020s][gc] GC(0) Concurrent cleanup 73M->58M(128M) 0.037ms
[1.041s][gc] GC(0) Concurrent cleanup 76M->29M(130M) 0.042ms"""
    parts = read(log)
    cycle = parts.frames["collections"].iloc[0]
    assert cycle["uptime_s"] == pytest.approx(1.006)
    assert cycle["duration_s"] == pytest.approx(0.035)
    assert (cycle["pauses"], cycle["collector"], cycle["kind"]) == (1, "Shenandoah", "concurrent")
    assert list(cycle[["heap_before_bytes", "heap_after_bytes", "heap_capacity_bytes"]] / MIB) == [
        73,
        29,
        130,
    ]


SAFEPOINT = (
    '[1.0s][info][safepoint] Safepoint "{operation}", Time since last: 5 ns, Reaching safepoint: 3 ns, '
)
SAFEPOINTS = {
    "11": """[0.9s][info][safepoint] Application time: 0.1 seconds
[0.9s][info][safepoint] Entering safepoint region: {operation}{gc}
[1.0s][info][safepoint] Leaving safepoint region
[1.0s][info][safepoint] Total time for which application threads were stopped: 0.0020000 seconds, Stopping \
threads took: 0.0000358 seconds""",
    "13": "{gc}" + SAFEPOINT + "At safepoint: 5 ns, Total: 2000000 ns",
    "17": "{gc}" + SAFEPOINT + "Cleanup: 9 ns, At safepoint: 5 ns, Total: 2000000 ns",
    "25": "{gc}"
    + SAFEPOINT
    + "At safepoint: 5 ns, Leaving safepoint: 3 ns, Total: 2000000 ns, Threads: 0 runnable",
}


@pytest.mark.parametrize("jdk", SAFEPOINTS)
def test_a_safepoint_without_a_gc_pause_is_a_pause(jdk):
    (pause,) = pauses_of(SAFEPOINTS[jdk].format(operation="FindDeadlocks", gc="")).to_dict("records")
    assert pause["kind"] == "Safepoint FindDeadlocks"
    assert pause["duration_s"] == pytest.approx(0.002)
    assert pause["uptime_s"] == pytest.approx(0.998)


@pytest.mark.parametrize("jdk", SAFEPOINTS)
def test_a_safepoint_with_a_gc_pause_in_it_is_not_counted_beside_it(jdk):
    gc = "\n[1.0s][info][gc] GC(0) Pause Young (Allocation Failure) 34M->1M(123M) 1.5ms\n"
    log = SAFEPOINTS[jdk].format(operation="GenCollectForAllocation", gc=gc)
    log += "\n" + SAFEPOINTS[jdk].format(operation="RevokeBias", gc="")
    assert list(pauses_of(log)["kind"]) == ["Pause Young", "Safepoint RevokeBias"]


def test_no_safepoint_of_a_gc_operation_is_left_where_the_log_has_the_pause():
    left = set()
    for path in corpus.of_family("gc", "jvm-unified-*"):
        if not path.endswith((".zip", "jdk17-rotated-g1.log")):  # it begins inside a safepoint
            kinds = read_corpus(path)[0]["kind"]
            left |= set(kinds[kinds.str.startswith("Safepoint")].str.removeprefix("Safepoint "))
    assert left <= {
        "EnableBiasedLocking",
        "RevokeBias",
        "BulkRevokeBias",
        "Cleanup",
        "CleanClassLoaderDataMetaspaces",
        "FindDeadlocks",
        "JFRSafepointClear",
        "Halt",
    }


# Sets, runs and damage


def test_a_rotated_set_reads_like_the_log_that_was_not_rotated():
    whole = reader.read(Stream("", SAMPLES / "g1.log"))
    segments = [Stream(name, SAMPLES / name) for name in ("g1-rotated.log.0", "g1-rotated.log")]
    parts = reader.read(*segments)
    for name in ("pauses", "collections"):
        pd.testing.assert_frame_equal(parts.frames[name], whole.frames[name])


@pytest.mark.parametrize("first_line", ["[0.004s][gc] Using Serial\n", ""])
def test_a_restart_begins_a_new_run_though_numbers_come_again(first_line):
    run = first_line + "".join(
        f"[{5 * number + 2}.000s][gc] GC({number}) Pause Young (Allocation Failure) 9M->4M(60M) 1.000ms\n"
        for number in range(3)
    )
    parts = read(run + run)
    assert list(parts.frames["collections"]["cycle"]) == [0, 1, 2, 0, 1, 2]
    assert parts.notes[0].startswith("2 runs")


@pytest.mark.parametrize(
    "name",
    ["bom-utf16", "docker-compose", "docker-json-file", "journald-short", "kubectl-prefix", "kubernetes-cri"],
)
def test_what_a_container_puts_around_a_log_changes_nothing(name):
    plain, _ = read_corpus(f"{GENERATED}derived/crlf.log")
    assert len(plain) == 40
    wrapped, _ = read_corpus(f"{GENERATED}derived/{name}.log")
    pd.testing.assert_frame_equal(wrapped, plain)


def test_nul_padding_costs_no_pause():
    path = f"{GENERATED}derived/copytruncate-nul-padded.log"
    text = corpus.corpus("gc", path).read_bytes().replace(b"\0", b"").decode()
    assert len(read_corpus(path)[0]) == len(re.findall(r"Pause .* [\d.]+ms", text))


def test_lines_of_the_program_are_counted_and_skipped():
    path = f"{GENERATED}jdk21-stdout-noise-g1.log"
    lines = corpus.corpus("gc", path).read_text().splitlines()
    parts = reader.read(Stream(path, corpus.corpus("gc", path)))
    assert sum(parts.skipped.values()) == sum(not line.startswith("[") for line in lines) > 0


def test_a_pause_whose_end_was_cut_off_is_counted():
    parts = read(
        "[1.0s][info][gc,start] GC(0) Pause Young (Normal) (G1 Evacuation Pause)\n[1.1s][info][gc] GC(0) Pa"
    )
    assert parts.skipped == {"pauses without an end": 1}
    assert read("[1.0s] GC(0) Pause Remark\n[0.1s] Using G1").skipped == {"pauses without an end": 1}
    assert len(parts.frames["pauses"]) == 0


def test_two_writers_on_one_line_give_both_pauses():
    log = (
        "[1.0s][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 9M->4M(60M) 1.0ms"
        "[2.0s][gc] GC(1) Pause Remark 8M->8M(60M) 2.0ms\n"
    )
    assert list(pauses_of(log)["uptime_s"]) == pytest.approx([0.999, 1.998])


def test_impossible_values_are_skipped_and_counted():
    log = "[2026-13-45T25:61:61.609+0530][1.105s] GC(0) Pause Young (Allocation Failure) 9M->4M(106M) 5.000ms"
    parts = read(log)
    assert parts.skipped == {"impossible dates": 1}
    assert parts.frames["pauses"]["start"].isna().all()
    assert pauses_of("[9999999999999ms] GC(0) Pause Remark 9M->4M(106M) 5.000ms")["start"].isna().all()
    assert read("[gc] GC(1) Pause Young (x) 99999999999999999999M->1M(2M) 1e9ms\n").frames["pauses"].empty


def test_a_log_of_epsilon_has_no_pauses_and_is_no_error():
    parts = reader.read(Stream("", SAMPLES / "epsilon.log"))
    assert {name: len(frame) for name, frame in parts.frames.items()} == {"pauses": 0, "collections": 0}


def test_what_is_no_such_log_is_refused():
    with pytest.raises(Unrecognized):
        read("hello\nworld\n")


@pytest.mark.parametrize(
    "unit",
    [
        "GC(1) Pause ",
        'Safepoint "a", Total: ',
        " 1M->",
        "[",
        "] ",
        "User=0",
        "(Old) ",
        " (",
        "y:  Promoted: 1M ",
    ],
)
def test_reading_takes_time_in_proportion_to_the_length_of_a_line(unit):
    def seconds(size: int) -> float:
        line = ("[1.0s][gc] GC(2) Pause Young " + unit * (size // len(unit))).encode()
        other = ("[1.0s][safepoint] " + unit * (size // len(unit))).encode()
        began = time.process_time()
        reader.read(Stream("", b"[gc] Using G1\n" + line + b"\n" + other))
        return time.process_time() - began

    assert seconds(800_000) < 16 * max(seconds(100_000), 0.02)


def test_a_line_that_ends_in_its_cycle_says_nothing_of_the_next_line():
    parts = read("[0.1s][gc] Using G1\n[1.0s][gc] GC(1)\nPause Young (Normal) (Why) 6M->1M(130M) 1.7ms\n")
    assert len(parts.frames["pauses"]) == 0


def test_stamps_of_many_lines_are_those_that_python_reads():
    luck = random.Random(4)
    texts = []
    for _ in range(2000):
        digits = [
            luck.choice((1970, 1971, 1999, 2024, 2026, 2261, 2262)),
            *(luck.randrange(70) for _ in range(5)),
        ]
        year, month, day, hour, minute, second = digits
        date = f"{year}-{month % 14:02}-{day % 33:02}T{hour % 25:02}:{minute % 61:02}:{second % 61:02}"
        zone = f"{luck.choice('+-')}{luck.randrange(25):02}{luck.choice((0, 30, 60)):02}"
        texts.append(
            (f"{date}.{luck.randrange(1000):03}{zone}", f"{luck.randrange(10**6)}.{luck.randrange(1000):03}")
        )
    lines = [f"[{date}][{uptime}s][info] ".encode() for date, uptime in texts]
    data = np.frombuffer(b"".join(lines) + _digits.PADDING, np.uint8)
    begins = np.cumsum([0, *map(len, lines[:-1])])
    read_at, dates, uptimes, _ = _stamps.stamps_at(data, begins)
    for (date, uptime), found, when, seconds in zip(texts, read_at, dates.tolist(), uptimes, strict=True):
        if found:  # others are read one by one
            assert (when, seconds) == (epoch_ns(date.encode()), float(uptime))
        else:
            assert epoch_ns(date.encode()) is None or date.endswith("60")
    assert read_at.sum() > 200


@pytest.mark.parametrize("seed", range(2))
def test_a_block_of_lines_says_what_its_lines_say_one_by_one(seed):
    """Lines damaged in places too, where the two ways of reading would differ if they could."""
    luck, differing = random.Random(seed), []
    for path, file in corpus.of_family("gc", "jvm-unified-*").items():
        content = bytearray(Stream(path, file).content()[:40_000])
        for _ in range(seed * len(content) // 500):
            at, source = luck.randrange(len(content)), luck.randrange(len(content))
            content[at : at + luck.randrange(3)] = content[source : source + luck.randrange(20)]
        together, alone = _unified_log.Log(), _unified_log.Log()
        _unified_blocks.take(together, bytes(content))
        for line in bytes(content).removesuffix(b"\n").split(b"\n"):
            _unified_lines.take_line(alone, line)
        for log in (together, alone):
            log.end_run()
        if (together.pauses, together.collections) != (alone.pauses, alone.collections):
            differing.append(path)
        assert (together.skipped, together.notes()) == (alone.skipped, alone.notes()), path
    assert differing == []
