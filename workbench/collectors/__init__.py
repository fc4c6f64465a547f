"""Live systems → raw files: a Prometheus, a scraper for where there is none, py-spy, and `record`.

Only here and in `workbench.lab` are sockets opened and processes started.
"""
