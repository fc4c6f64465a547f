"""Closed forms of queueing theory, for the cases that have one; the twin is held to them.

Arrivals are Poisson at `arrival_rps`; `service_s` is a mean service time. In Kendall's notation M/M/c/K has
c servers and room for K requests, those in service included. Kleinrock is L. Kleinrock, Queueing Systems,
volume 1, 1975, where no other is said.
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


def erlang_a(servers: int, arrival_rps: float, service_s: float, patience_s: float) -> tuple[float, float]:
    """Share of arrivals that leave unserved, and mean wait (s) of all, in M/M/c with patience (Erlang A).

    Who waits leaves after an exponential time of mean `patience_s`. Births λ, deaths min(n, c)/s +
    max(n - c, 0)/patience; E[waiting]/patience a second leave (A. Mandelbaum, S. Zeltyn, Service engineering
    in action: the Palm/Erlang-A queue, 2007).
    """
    load = arrival_rps * service_s
    _check(servers, load)
    if not 0 < patience_s < math.inf:
        raise SettingError(f"{patience_s}", where="patience_s", expected="a time above 0, finite")
    if load == 0:
        return 0.0, 0.0
    middle = servers + arrival_rps * patience_s  # fewer than this wait but for a Poisson tail
    present = np.arange(1, int(middle + 12 * math.sqrt(middle + 1) + 50))
    deaths = np.minimum(present, servers) / service_s + np.maximum(present - servers, 0) / patience_s
    log_p = np.concatenate(([0.0], np.cumsum(np.log(arrival_rps / deaths))))
    p = np.exp(log_p - log_p.max())
    waiting = float(p[1:] @ np.maximum(present - servers, 0)) / float(p.sum())
    return waiting / patience_s / arrival_rps, waiting / arrival_rps


def mg1_ps_time(load: float, work_s: float) -> float:
    """Mean time (s) that a piece of `work_s` takes in M/G/1 under processor sharing; inf from full load on.

    x / (1 - ρ), whatever the law of the work (Kleinrock, volume 2, §4.4); so for the mean of all as well.
    """
    _check(1, load)
    return work_s / (1.0 - load) if load < 1 else math.inf


def jackson(
    arrivals_rps: np.ndarray, routing: np.ndarray, service_s: np.ndarray, servers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Throughput (rps) and mean number present at each station of an open Jackson network.

    From station i a request goes on to j with probability routing[i, j], else leaves. λ = γ + λ·R, and each
    station is an M/M/c by itself (J. Jackson, Networks of waiting lines, Operations Research 5, 1957).
    """
    routing = np.asarray(routing, float)
    rates = np.linalg.solve(np.eye(len(routing)) - routing.T, np.asarray(arrivals_rps, float))
    each = zip(rates.tolist(), np.asarray(service_s).tolist(), np.asarray(servers).tolist(), strict=True)
    return rates, np.array([rate * (mmc_wait(c, rate, s) + s) for rate, s, c in each])


def ggc_wait_bounds(
    servers: int, arrival_rps: float, service_s: float, arrival_scv: float, service_scv: float
) -> tuple[float, float]:
    """Least and largest mean wait (s) in GI/G/c, first come first served; scv: variance over mean squared.

    W ≤ λ(σa² + σs²/c + (c-1)s²/c²) / (2(1-ρ)) (J. Kingman, Inequalities in the theory of queues, 1970), where
    for one server ρ(2-ρ)·σa² stands for σa² (D. Daley, Inequalities for moments of tails of random variables,
    1977). For one server W ≥ (ρ²·cs² - ρ(2-ρ)) / (2λ(1-ρ)) (Kleinrock, volume 2, §2.4); c servers are faster
    than one of c times the speed by (c-1)/c · E[S²]/(2s) at most (S. Brumelle, Some inequalities for
    parallel-server queues, 1971).
    """
    _check(servers, arrival_rps * service_s)
    busy = arrival_rps * service_s / servers
    if busy >= 1:
        return math.inf, math.inf
    if busy == 0:
        return 0.0, 0.0
    scale = 1.0 / (2.0 * arrival_rps * (1.0 - busy))
    between = arrival_scv * (busy * (2.0 - busy) if servers == 1 else 1.0)
    within = (busy * servers) ** 2 * service_scv / servers + busy**2 * (servers - 1)
    one = scale * (busy**2 * service_scv - busy * (2.0 - busy))
    low = max(one, 0.0) - (servers - 1) / servers * service_s * (1.0 + service_scv) / 2.0
    return max(low, 0.0), scale * (between + within)


def retrials(servers: int, load: float, persistence: float) -> tuple[float, float]:
    """Erlangs offered, tries again included, and share of tries lost, in M/M/c/c whose losses come again.

    A try that is lost comes again with probability `persistence`, after so long that all tries together are
    Poisson: x = a + persistence · x·B(c, x) (J. Cohen, Basic problems of telephone traffic theory and the
    influence of repeated calls, Philips Telecommunication Review 18, 1957). Infinite where no x is enough.
    """
    _check(servers, load)
    if not 0 <= persistence <= 1:
        raise SettingError(f"{persistence}", where="persistence", expected="a share from 0 to 1")
    if persistence == 1 and load >= servers:
        return math.inf, 1.0
    low, high = load, float(load if persistence < 1 else servers)
    while high < load + persistence * high * erlang_b(servers, high):
        low, high = high, 2 * high + 1
    while high - low > 1e-12 * high:  # the right side grows from above x to below it: one crossing
        x = (low + high) / 2
        low, high = (x, high) if x < load + persistence * x * erlang_b(servers, x) else (low, x)
    return high, erlang_b(servers, high)


def choices_tail(load: float, choices: int, present: int) -> float:
    """Share of servers with at least `present` requests where each goes to the least busy of some at random.

    λ^((d^k - 1)/(d - 1)): many servers, Poisson arrivals at λ = `load` of each one's capacity, exponential
    work, d = `choices` (N. Vvedenskaya, R. Dobrushin, F. Karpelevich, Queueing system with selection of the
    shortest of two queues, 1996; M. Mitzenmacher, The power of two choices, 2001).
    """
    _check(choices, load)
    if load >= 1:
        return 1.0
    return load ** (present if choices == 1 else (choices**present - 1) / (choices - 1))


def choices_time(load: float, choices: int, service_s: float) -> float:
    """Mean time (s) in the system of `choices_tail`: its tails, summed, by Little's law; inf at full load."""
    if load >= 1:
        return math.inf
    if choices == 1 or load == 0:
        return mg1_ps_time(load, service_s)
    total, present = 0.0, 1
    while (tail := choices_tail(load, choices, present)) > 1e-17 * load:
        total, present = total + tail, present + 1
    return total * service_s / load


def _check(servers: int, load: float) -> None:
    if servers < 1:
        raise SettingError(f"{servers}", where="servers", expected="at least 1")
    if not load >= 0:
        raise SettingError(f"{load}", where="load", expected="at least 0 erlangs")
