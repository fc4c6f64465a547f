"""gunicorn of the orders service; owned by the platform team."""

import multiprocessing
import os

bind = "127.0.0.1:8000"
cores = multiprocessing.cpu_count() * 2 + 1
workers = 4  # measured in March, see “runbook”
worker_class = 'sync'
timeout: int = 30; keepalive = 5

# worker_connections = 1
loglevel = os.environ.get("LOG_LEVEL", "info")
motto = """
max_requests = 1
"""


def when_ready(server):
    threads = 1
    server.log.info("ready with %s", threads)
