"""Kubernetes: Deployment, HorizontalPodAutoscaler and PodDisruptionBudget of each service.

A name is the kind and the path below `spec`; `containers[]` is the service's container, `metrics[]` the
autoscaler's metric of CPU:

    orders/Deployment.template.spec.containers[].resources.limits.cpu
    orders/HorizontalPodAutoscaler.maxReplicas

CPU in thousandths of a core, memory in Mi. Meanings are those of the API (apps/v1, autoscaling/v2,
policy/v1). replicas are the network's instances, or minReplicas where it has an autoscaler. A CPU limit is a
CFS quota of 100 ms periods (kubelet's cpuCFSQuotaPeriod): it moves where the network's processor is shared.
The network scales by the share of busy workers, Kubernetes by CPU used of CPU requested, so
averageUtilization moves nothing; but where requests.cpu changes, a target keeps the CPU at which the
autoscaler scales.

Evidence: limits by container_cpu_cfs_throttled_periods_total and container_memory_working_set_bytes, requests
by the quantiles of CPU used, replicas and bounds by kube_deployment_status_replicas,
kube_horizontalpodautoscaler_status_desired_replicas and the load at which one instance holds the SLO;
stabilizationWindowSeconds by how often replicas went up and down; the grace period by the tail of requests in
flight; minAvailable by replicas that hold the SLO.
"""

from __future__ import annotations

from workbench.knobs._paths import when
from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "Kubernetes"

_POD = "Deployment.template.spec"
_RESOURCES = f"{_POD}.containers[].resources"
_SCALER = "HorizontalPodAutoscaler"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service."""
    return [knob for s in network.stations if s.name != network.entry for knob in _service(s)]


def _service(station: Station) -> list[Knob]:
    own = station.name
    scaled = station.autoscaler.high > station.instances
    shared = station.cpu.kind == "shared" and station.cpu.period_s == 0.1

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "", **more) -> Knob:
        return Knob(own, name, unit, low, high, meaning, path, whole=True, **more)

    return [
        knob("Deployment.replicas", "pods", 1, 1000, "copies of the service",
             when(not scaled, f"{own}.instances"), log=True),
        knob(f"{_RESOURCES}.requests.cpu", "m", 1, 256_000, "CPU kept free on the node", log=True),
        knob(f"{_RESOURCES}.limits.cpu", "m", 10, 256_000, "CPU at most, by quota",
             when(shared, f"{own}.cpu.quota_cores"), scale=0.001, log=True),
        knob(f"{_RESOURCES}.requests.memory", "Mi", 1, 1_048_576, "memory kept free on the node", log=True),
        knob(f"{_RESOURCES}.limits.memory", "Mi", 1, 1_048_576, "memory at most; above, killed", log=True),
        knob(f"{_POD}.terminationGracePeriodSeconds", "s", 1, 3600, "time to finish what is in flight",
             log=True),
        knob(f"{_SCALER}.minReplicas", "pods", 1, 1000, "fewest copies",
             when(scaled, f"{own}.instances"), log=True),
        knob(f"{_SCALER}.maxReplicas", "pods", 1, 1000, "most copies",
             when(scaled, f"{own}.autoscaler.high"), log=True),
        knob(f"{_SCALER}.behavior.scaleDown.stabilizationWindowSeconds", "s", 0, 3600,
             "time in which no copy was wanted before it goes",
             when(scaled, f"{own}.autoscaler.stabilise_s")),
        knob(f"{_SCALER}.metrics[].resource.target.averageUtilization", "%", 1, 1000,
             "CPU used of CPU requested that is aimed at", log=True),
        knob("PodDisruptionBudget.minAvailable", "pods", 0, 1000, "copies that a drain of nodes leaves"),
    ]  # fmt: skip
