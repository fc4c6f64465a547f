"""Groups of one traffic, such as A and B of an experiment, as captures of their own."""

from __future__ import annotations

from workbench.capture import Capture
from workbench.errors import Contradiction


def groups(capture: Capture, attribute: str) -> dict[str, Capture]:
    """Split a capture by what an attribute of the callers' spans says, and give each group's capture.

    Spans, events and links of a trace follow its root. Metrics, which no group owns, and settings, of which a
    capture does not say which group ran with them, are left out.
    """
    spans = capture.spans
    roots = spans[spans["parent_id"].isna()]
    said = [dict(pairs or ()).get(attribute) for pairs in roots["attributes"]]
    of_trace = {trace: group for trace, group in zip(roots["trace_id"], said, strict=True) if group}
    if not of_trace:
        raise Contradiction(
            f"no root span has the attribute {attribute!r}",
            where=capture.name or "capture",
            expected="the group's name on the callers' spans",
        )
    group_of = spans["trace_id"].map(of_trace)
    found = {}
    for group in sorted(set(of_trace.values())):
        own = spans[group_of == group].reset_index(drop=True)
        traces = set(own["trace_id"])
        follow = {
            name: frame[frame["trace_id"].isin(traces)].reset_index(drop=True)
            for name, frame in (("events", capture.events), ("links", capture.links))
        }
        found[group] = Capture(
            name=f"{capture.name}, {attribute} {group}",
            start=capture.start,
            end=capture.end,
            sources=capture.sources,
            load=capture.load,
            spans=own,
            **follow,
        )
    return found
