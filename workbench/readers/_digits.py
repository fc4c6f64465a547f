"""Numbers that stand in a text, read many at once: where each begins or ends goes in as an array.

The text is an array of bytes with room behind it (`PADDING`), so that nothing reads past its end.
"""

from __future__ import annotations

import numpy as np

PADDING = bytes(64)
MOST_DIGITS = 15  # what a float64 holds exactly


def word(text: bytes) -> int:
    """Give up to eight bytes as the number that `words` finds them as."""
    return int.from_bytes(text, "little")


def words(data: np.ndarray, at: np.ndarray, size: int) -> np.ndarray:
    """Give the `size` bytes at each place as one number."""
    found = np.zeros(len(at), np.uint64)
    for place in range(size):
        found |= data[at + place].astype(np.uint64) << np.uint64(8 * place)
    return found


def whole_at(data: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the digits from each place on: the number, and the place after it (the same if there is none)."""
    numbers, ends = np.zeros(len(at), np.int64), at.copy()
    for _ in range(MOST_DIGITS):
        digit = data[ends] - np.uint8(ord("0"))
        is_digit = digit < 10
        if not is_digit.any():
            break
        numbers = np.where(is_digit, 10 * numbers + digit, numbers)
        ends += is_digit
    return numbers, ends


def whole_before(data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read the digits before each place: the number, and where it begins (the place if there is none)."""
    numbers, begins, power = np.zeros(len(ends), np.int64), ends.copy(), 1
    for _ in range(MOST_DIGITS):
        digit = data[begins - 1] - np.uint8(ord("0"))
        is_digit = digit < 10
        if not is_digit.any():
            break
        numbers += np.where(is_digit, power * digit.astype(np.int64), 0)
        begins -= is_digit
        power *= 10
    return numbers, begins


def real_of(whole: np.ndarray, fraction: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Give whole.fraction, of so many places; right to the last bit while all are `MOST_DIGITS` or fewer."""
    power = 10**places
    return (whole * power + fraction) / power
