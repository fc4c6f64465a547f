"""What is scheduled: a binary heap of (time, order of scheduling), with what it is and whom it concerns.

An event is sixteen bytes: its time, and a code of its order (34 bits), its row (25 bits) and its kind
(5 bits), so that comparing codes compares orders.
"""

from __future__ import annotations

import numpy as np

from workbench.twin._compiled import compiled, inlined
from workbench.twin.world import HEAPED, SCHEDULED

# Kinds. The row is a visit, but a site for CPU, PAUSE_ENDS and READY, and a station for SCALE.
ARRIVE, ADMITTED, WAITED_OUT, COMPUTED, RESTED, SHED, NEXT, CANCEL = 0, 1, 2, 3, 4, 5, 6, 7
TIMER, HEDGE, RETRY, UNCONNECT, HEAR = 8, 9, 10, 11, 12  # the row is a try, and its caller is concerned
CPU, SCALE, READY = 13, 14, 15
MOST_ROWS = 1 << 25
_KIND_BITS, _ROW_BITS = np.uint64(5), np.uint64(25)
_KINDS, _ROWS = np.uint64(31), np.uint64(MOST_ROWS - 1)


@compiled
def schedule(w, time, kind, row):  # type: ignore[no-untyped-def]
    """Add an event after all others of its time; give its place in the order of scheduling."""
    order = reserve(w)
    schedule_at_place(w, time, order, kind, row)
    return order


@compiled
def reserve(w):  # type: ignore[no-untyped-def]
    """Take a place in the order of scheduling."""
    order = w.counts[SCHEDULED]
    w.counts[SCHEDULED] += 1
    return order


@compiled
def schedule_at_place(w, time, order, kind, row):  # type: ignore[no-untyped-def]
    """Add an event at a place that was reserved before."""
    code = (((np.uint64(order) << _ROW_BITS) | np.uint64(row)) << _KIND_BITS) | np.uint64(kind)
    heap, i = w.heap, w.counts[HEAPED]
    w.counts[HEAPED] = i + 1
    while i > 0:
        up = (i - 1) >> 1
        if heap[up].time < time or (heap[up].time == time and heap[up].code < code):
            break
        heap[i].time, heap[i].code = heap[up].time, heap[up].code
        i = up
    heap[i].time, heap[i].code = time, code


@inlined
def kind_of(code):  # type: ignore[no-untyped-def]
    """Give the kind of an event."""
    return np.int64(code & _KINDS)


@inlined
def row_of(code):  # type: ignore[no-untyped-def]
    """Give the row that an event concerns."""
    return np.int64((code >> _KIND_BITS) & _ROWS)


@inlined
def order_of(code):  # type: ignore[no-untyped-def]
    """Give an event's place in the order of scheduling."""
    return np.int64(code >> (_KIND_BITS + _ROW_BITS))


@compiled
def drop_first(w):  # type: ignore[no-untyped-def]
    """Take the earliest event, w.heap[0], out; the caller has looked at it already."""
    heap, size = w.heap, w.counts[HEAPED] - 1
    w.counts[HEAPED] = size
    time, code = heap[size].time, heap[size].code
    i = 0
    while 2 * i + 1 < size:
        down = 2 * i + 1
        if down + 1 < size and (
            heap[down + 1].time < heap[down].time
            or (heap[down + 1].time == heap[down].time and heap[down + 1].code < heap[down].code)
        ):
            down += 1
        if time < heap[down].time or (time == heap[down].time and code < heap[down].code):
            break
        heap[i].time, heap[i].code = heap[down].time, heap[down].code
        i = down
    heap[i].time, heap[i].code = time, code
