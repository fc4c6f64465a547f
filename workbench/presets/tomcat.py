"""Tomcat's and Jetty's threads, by Micrometer: the workers of a service.

tomcat_threads_busy_threads{name="http-nio-8080"} 4
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_SWITCHED_OFF = "server.tomcat.mbeanregistry.enabled=true"

NAME = "Tomcat and Jetty"
VIEW = PROCESS
FILLS = (
    Fill("pool_size", ("tomcat_threads_config_max_threads", "tomcat_threads_config_max"), hint=_SWITCHED_OFF),
    Fill("pool_in_use", ("tomcat_threads_busy_threads", "tomcat_threads_busy"), hint=_SWITCHED_OFF),
    Fill("pool_size", ("jetty_threads_config_max",)),
    Fill("pool_in_use", ("jetty_threads_busy",)),
    Fill("pool_waiting", ("jetty_threads_jobs",)),
)
ALSO = ("tomcat_*", "jetty_*")
