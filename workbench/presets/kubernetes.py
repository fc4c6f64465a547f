"""Kubernetes: cAdvisor (in the kubelet) on what containers use, kube-state-metrics on what they may.

container_cpu_cfs_throttled_periods_total{container="orders",pod="orders-7d9c5b8f6b-2xkqp"} 118

The service is the container (of replicas, the Deployment or StatefulSet, of scaling its name), the instance
the pod; under Docker alone it is the container's name. Pauses, sidecars and the sums of a pod and of a node
are left out. Source: cAdvisor 0.52, metrics/prometheus.go; kube-state-metrics 2.15, docs/metrics/workload;
names with _cpu_cores are of 1.x.
"""

from __future__ import annotations

from workbench.presets._seam import PLATFORM, Fill

_CONTAINER = {"service": "container", "instance": "pod"}
_OWN = {"container": r"(?!POD$|istio-proxy$|istio-init$).+"}
_DOCKER = {"container": "", "name": ".+"}
_CPU, _MEMORY = _OWN | {"resource": "cpu"}, _OWN | {"resource": "memory"}
_SCALER = {"service": ("horizontalpodautoscaler", "hpa")}


def _used(role: str, metric: str) -> tuple[Fill, Fill]:
    docker = Fill(role, (metric,), {"service": "name"}, where=_DOCKER)
    return Fill(role, (metric,), _CONTAINER, where=_OWN), docker


NAME = "Kubernetes"
VIEW = PLATFORM
FILLS = (
    *_used("cpu_s", "container_cpu_usage_seconds_total"),
    *_used("cpu_periods", "container_cpu_cfs_periods_total"),
    *_used("throttled_periods", "container_cpu_cfs_throttled_periods_total"),
    *_used("throttled_s", "container_cpu_cfs_throttled_seconds_total"),
    *_used("memory_bytes", "container_memory_working_set_bytes"),
    Fill("cpu_limit", ("kube_pod_container_resource_limits",), _CONTAINER, where=_CPU),
    Fill("cpu_limit", ("kube_pod_container_resource_limits_cpu_cores",), _CONTAINER, where=_OWN),
    Fill("cpu_request", ("kube_pod_container_resource_requests",), _CONTAINER, where=_CPU),
    Fill("cpu_request", ("kube_pod_container_resource_requests_cpu_cores",), _CONTAINER, where=_OWN),
    Fill("memory_limit_bytes", ("kube_pod_container_resource_limits",), _CONTAINER, where=_MEMORY),
    Fill("memory_limit_bytes", ("kube_pod_container_resource_limits_memory_bytes",), _CONTAINER, where=_OWN),
    Fill("replicas", ("kube_deployment_status_replicas_ready", "kube_deployment_status_replicas_available"),
         {"service": "deployment"}),
    Fill("replicas", ("kube_statefulset_status_replicas_ready",), {"service": "statefulset"}),
    Fill("replicas_wanted", ("kube_deployment_spec_replicas",), {"service": "deployment"}),
    Fill("replicas_wanted", ("kube_statefulset_replicas",), {"service": "statefulset"}),
    Fill("replicas_least", ("kube_horizontalpodautoscaler_spec_min_replicas", "kube_hpa_spec_min_replicas"),
         _SCALER),
    Fill("replicas_most", ("kube_horizontalpodautoscaler_spec_max_replicas", "kube_hpa_spec_max_replicas"),
         _SCALER),
)  # fmt: skip
ALSO = ("container_*", "kube_*", "machine_*", "cadvisor_version_info")
