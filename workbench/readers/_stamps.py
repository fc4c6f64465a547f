"""The decorators that say when a line of a unified log was written, of many lines at once.

[2026-11-20T12:48:42.573+0000][15.038s][info][gc] …
"""

from __future__ import annotations

import numpy as np

from workbench.readers._digits import real_of, whole_at, word, words

NEVER = np.iinfo(np.int64).min

_DATE = b"[2026-11-20T12:48:42.573+0000]"
_DIGITS = np.array([place for place, sign in enumerate(_DATE) if chr(sign).isdigit()])
_SIGNS = np.array([place for place, sign in enumerate(_DATE) if not chr(sign).isdigit() and place != 24])
_WIDTHS = (4, 2, 2, 2, 2, 2, 3, 2, 2)  # digits of year, month, day, hour, minute, second, ms and zone


def stamps_at(data: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read date, uptime or both at the begin of each line.

    Gives whether one stands there, nanoseconds since the epoch (or NEVER), seconds since the start (or NaN),
    and the place behind them. An impossible date counts as none.
    """
    known, epoch_ns = _dates(data, begins)
    at = begins + np.where(known, len(_DATE), 0)
    whole, point = whole_at(data, at + 1)
    fraction, end = whole_at(data, point + 1)
    places = end - point - 1
    timed = (
        (data[at] == ord("[")) & (data[point] == ord(".")) & (point > at + 1) & (places > 0)
        & (places < 10) & (end - at < 16) & (words(data, end, 2) == word(b"s]"))
    )  # fmt: skip
    uptime_s = np.where(timed, real_of(whole, fraction, np.where(timed, places, 0)), np.nan)
    at = np.where(timed, end + 2, at)
    return known | timed, np.where(known, epoch_ns, NEVER), uptime_s, at


def _dates(data: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read a date at each place: whether the calendar knows it, and the nanoseconds since the epoch."""
    digits = data[begins[:, None] + _DIGITS] - np.uint8(ord("0"))
    signs = data[begins[:, None] + _SIGNS]
    zone = data[begins + 24]
    known = (digits < 10).all(axis=1) & ((zone == ord("+")) | (zone == ord("-")))
    known &= (signs == np.frombuffer(_DATE, np.uint8)[_SIGNS]).all(axis=1)
    year, month, day, hour, minute, second, ms, zone_hour, zone_minute = _numbers(digits.astype(np.int64))
    known &= (year > 1970) & (year < 2262) & (month > 0) & (month < 13) & (day > 0)
    known &= (hour < 24) & (minute < 60) & (second < 60) & (zone_hour < 24) & (zone_minute < 60)
    months = np.where(known, 12 * (year - 1970) + month - 1, 0).astype("datetime64[M]")
    first, following = (each.astype("datetime64[D]").astype(np.int64) for each in (months, months + 1))
    known &= day <= following - first
    offset_s = np.where(zone == ord("+"), -1, 1) * (3600 * zone_hour + 60 * zone_minute)
    seconds = 86400 * (first + day - 1) + 3600 * hour + 60 * minute + second + offset_s
    return known, (1000 * seconds + ms) * 1_000_000


def _numbers(digits: np.ndarray) -> list[np.ndarray]:
    found, at = [], 0
    for width in _WIDTHS:
        found.append(digits[:, at : at + width] @ 10 ** np.arange(width - 1, -1, -1))
        at += width
    return found
