"""HotSpot's options for memory, collectors and threads, such as `orders/Xmx` and `orders/MaxGCPauseMillis`.

A name is that of the flag (`-XX:MaxGCPauseMillis=200`), or the letters of one without -XX (`-Xmx512m`);
sizes are MiB. `UseGC` is the collector: the word between Use and GC of `-XX:+UseG1GC`. ConcMarkSweep and
the CMS options ended with JDK 13, UseAdaptiveSizePolicy is the parallel collector's, and a JVM refuses to
start with an option that it does not know.

Xmn moves what is allocated between two collections: eden, which is 8/10 of the young generation while
SurvivorRatio is 8, its default (HotSpot Virtual Machine Garbage Collection Tuning Guide, "The young
generation"). G1 and Parallel choose the young size themselves until it is set.

Evidence: Xmn, NewRatio and SurvivorRatio by pauses and allocation between them in the GC log (`pauses`);
MaxTenuringThreshold by the ages that the log prints and by promotion; Xmx, Xms and SoftMaxHeapSize by the
heap after full collections; MaxGCPauseMillis by the longest pauses; G1HeapRegionSize by humongous
allocations; InitiatingHeapOccupancyPercent and CMSInitiatingOccupancyFraction by "to-space exhausted",
"concurrent mode failure" and full collections; ParallelGCThreads and ConcGCThreads by user against real
time of pauses; MaxMetaspaceSize by "Metadata GC Threshold"; ActiveProcessorCount by the CPU quota of the
container; Xss and MaxDirectMemorySize by resident memory beyond the heap.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "JVM options"

_EDEN = 0.8
_MIB = 2**20


def knobs(network: Network) -> list[Knob]:
    """Give the options of every service."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in _options(station.name, collects=station.gc.bytes_per_visit > 0)
    ]


def _options(service: str, *, collects: bool) -> list[Knob]:
    def number(name: str, unit: str, low: float, high: float, meaning: str, *, log: bool = False) -> Knob:
        return Knob(service, name, unit, low, high, meaning, whole=True, log=log)

    def size(name: str, low: float, high: float, meaning: str) -> Knob:
        return number(name, "MiB", low, high, meaning, log=True)

    def word(name: str, choices: tuple[str, ...], meaning: str) -> Knob:
        return Knob(service, name, "", 0, 0, meaning, choices=choices)

    def switch(name: str, meaning: str) -> Knob:
        return word(name, ("false", "true"), meaning)

    return [
        word("UseGC", ("Serial", "Parallel", "G1", "Z", "Shenandoah", "ConcMarkSweep"), "the collector"),
        size("Xmx", 2, 1 << 22, "heap at most"),
        size("Xms", 2, 1 << 22, "heap at first, and at least"),
        Knob(
            service, "Xmn", "MiB", 1, 1 << 22, "young generation",
            f"{service}.gc.budget_bytes" if collects else "", scale=_EDEN * _MIB, whole=True, log=True,
        ),
        size("Xss", 1, 1024, "stack of a thread"),
        size("SoftMaxHeapSize", 2, 1 << 22, "heap that Z and Shenandoah try to stay within"),
        size("MaxMetaspaceSize", 8, 1 << 16, "memory of classes at most"),
        size("MetaspaceSize", 1, 1 << 16, "memory of classes at which a collection begins"),
        size("MaxDirectMemorySize", 1, 1 << 22, "memory of direct buffers at most"),
        size("ReservedCodeCacheSize", 3, 2048, "memory of compiled code at most"),
        Knob(service, "MaxRAMPercentage", "%", 1, 100, "heap at most, of the machine's or container's"),
        Knob(service, "InitialRAMPercentage", "%", 1, 100, "heap at first, of the same"),
        number("MaxGCPauseMillis", "ms", 1, 60_000, "pause that the collector aims at", log=True),
        Knob(
            service, "G1HeapRegionSize", "", 0, 0, "region of G1",
            choices=("1m", "2m", "4m", "8m", "16m", "32m"),
        ),
        number("InitiatingHeapOccupancyPercent", "%", 0, 100, "heap in use at which G1 begins to mark"),
        number("G1ReservePercent", "%", 0, 50, "heap that G1 keeps free for survivors"),
        number("G1MixedGCCountTarget", "collections", 1, 1000, "mixed collections after a marking"),
        number("G1PeriodicGCInterval", "ms", 0, 86_400_000, "time between collections of an idle G1"),
        number("NewRatio", "× young", 1, 1000, "old generation by the young one"),
        number("SurvivorRatio", "× survivor", 1, 100, "eden by one survivor space"),
        number("MaxTenuringThreshold", "collections", 0, 15, "collections survived before promotion"),
        number("GCTimeRatio", "× collecting", 1, 1000, "time at work by time collecting that is aimed at"),
        number("ParallelGCThreads", "threads", 1, 1024, "threads of a pause", log=True),
        number("ConcGCThreads", "threads", 1, 1024, "threads beside the application", log=True),
        number("CMSInitiatingOccupancyFraction", "%", 0, 100, "old generation in use at which CMS begins"),
        Knob(
            service, "ZAllocationSpikeTolerance", "× rate", 1, 100, "allocation rate that Z is ready for"
        ),
        word(
            "ShenandoahGCHeuristics", ("adaptive", "static", "compact", "aggressive"),
            "when Shenandoah collects",
        ),
        number("ActiveProcessorCount", "cores", 1, 1024, "cores that the JVM believes to have", log=True),
        switch("UseAdaptiveSizePolicy", "let Parallel move the sizes of the generations"),
        switch("UseStringDeduplication", "let equal strings share their characters"),
        switch("AlwaysPreTouch", "touch the whole heap at the start"),
        switch("UseNUMA", "allocate near the core"),
        switch("UseCompressedOops", "references of 4 bytes below 32 GiB"),
    ]  # fmt: skip
