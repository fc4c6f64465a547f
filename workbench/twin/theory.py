"""Closed forms of queueing theory, for the cases that have one; the twin is held to them.

Arrivals are Poisson at `arrival_rps`; `service_s` is a mean service time. In Kendall's notation M/M/c/K has
c servers and room for K requests, those in service included. Kleinrock is L. Kleinrock, Queueing Systems,
volume 1, 1975.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.errors import SettingError


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals lost by M/M/c/c (M/G/c/c as well) at `load` erlangs (arrival rate × service time).

    B(0) = 1, B(c) = a·B(c-1) / (c + a·B(c-1)) (Kleinrock §3.7; the recursion from D. Jagerman, Some
    properties of the Erlang loss function, Bell System Technical Journal 53, 1974).
    """
    _check(servers, load)
    lost = 1.0
    for c in range(1, servers + 1):
        lost = load * lost / (c + load * lost)
    return lost


def erlang_c(servers: int, load: float) -> float:
    """Share of arrivals that wait in M/M/c at `load` erlangs; 1 where the load reaches the servers.

    C = B / (1 - (a/c)(1 - B)), B by `erlang_b` (Kleinrock §3.5).
    """
    _check(servers, load)
    if load >= servers:
        return 1.0
    lost = erlang_b(servers, load)
    return lost / (1.0 - load / servers * (1.0 - lost))


def mmc_wait(servers: int, arrival_rps: float, service_s: float) -> float:
    """Mean wait (s) of all arrivals in M/M/c; inf where the load reaches the servers.

    W = C · s / (c - a), C by `erlang_c` (Kleinrock §3.5 with Little's law).
    """
    load = arrival_rps * service_s
    waiting = erlang_c(servers, load)
    return waiting * service_s / (servers - load) if load < servers else math.inf


def mmc_wait_quantile(probability: float, servers: int, arrival_rps: float, service_s: float) -> float:
    """Wait (s) in M/M/c, first come first served, that a share `probability` of arrivals does not exceed.

    P(W > t) = C · exp(-(c - a)·t/s), C by `erlang_c` (D. Gross, C. Harris, Fundamentals of Queueing Theory,
    chapter 2, M/M/c); 0 where fewer than 1 - probability wait, inf where the load reaches the servers.
    """
    if not 0 <= probability < 1:
        raise SettingError(f"{probability}", where="probability", expected="a share of at least 0, below 1")
    load = arrival_rps * service_s
    waiting = erlang_c(servers, load)
    if waiting <= 1.0 - probability:
        return 0.0
    return (
        math.log(waiting / (1.0 - probability)) * service_s / (servers - load) if load < servers else math.inf
    )


def mg1_wait(arrival_rps: float, service_s: float, service_square_s2: float) -> float:
    """Mean wait (s) in M/G/1 from the first two moments of the service time; inf at full load and beyond.

    W = λ·E[S²] / (2(1 - λ·E[S])) (Pollaczek and Khinchine; Kleinrock §5.6).
    """
    load = arrival_rps * service_s
    _check(1, load)
    return arrival_rps * service_square_s2 / (2.0 * (1.0 - load)) if load < 1 else math.inf


def mmck(servers: int, room: int, arrival_rps: float, service_s: float) -> tuple[float, float]:
    """Share of arrivals lost, and mean number present, in M/M/c/K with K = `room` ≥ c.

    p(n) = p(n-1) · a / min(n, c), loss = p(K), mean = Σ n·p(n) (birth and death; Kleinrock §3.2, §3.6, §3.7).
    """
    load = arrival_rps * service_s
    _check(servers, load)
    if room < servers:
        raise SettingError(f"room for {room}", where="room", expected=f"at least the {servers} in service")
    present = np.arange(room + 1)
    if load == 0:
        return 0.0, 0.0
    log_p = np.concatenate(([0.0], np.cumsum(np.log(load / np.minimum(present[1:], servers)))))
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    return float(p[-1]), float(p @ present)


def _check(servers: int, load: float) -> None:
    if servers < 1:
        raise SettingError(f"{servers}", where="servers", expected="at least 1")
    if not load >= 0:
        raise SettingError(f"{load}", where="load", expected="at least 0 erlangs")
