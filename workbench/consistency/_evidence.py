"""What belongs to what, as a recording shows it: who calls whom, how often, and how long answers take."""

from __future__ import annotations

from workbench.analysis.visits import calls
from workbench.capture import Capture
from workbench.consistency._seam import Service, Topology
from workbench.errors import SettingError

TAIL = 0.999  # of a service's answers


def topology_from(capture: Capture) -> Topology:
    """Give the services of a capture's spans, with the rate and the P99.9 of their answers.

    Raises SettingError where it has no server spans.
    """
    spans = capture.spans
    served = spans[spans["kind"] == "server"]
    if not len(served):
        raise SettingError(
            "no server spans", where=capture.name or "capture", expected="spans, which say who calls whom"
        )
    names, made = set(served["service"]), calls(capture)
    share = float(capture.load.get("sample_share", 1.0))
    instances = served.groupby("service")["instance"].nunique()
    return Topology(
        {
            name: Service(
                tuple(to for to in made.get(name, []) if to in names and to != name),
                replicas=max(1, int(instances[name])),
                rps=len(own) / share / capture.duration_s,
                tail_s=float(own["duration_s"].quantile(TAIL)),
            )
            for name, own in served.groupby("service")
        }
    )
