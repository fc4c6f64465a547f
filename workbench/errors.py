"""What can go wrong, as one tree; every message says where, what was found, what was expected, what to do.

WorkbenchError
├── ReadError             a file cannot become tables
│   ├── Unrecognized      no reader knows this content
│   └── Malformed         a reader knows it, and it is broken at a named place
├── TableError            a frame is not the table that it claims to be
├── Contradiction         parts of the evidence cannot all be true
├── CollectError          a live system did not answer as its protocol says
├── SettingError          a knob is unknown, or a value is outside its bounds
├── CalibrationError      the evidence does not determine a model
├── TargetError           a configuration file or format cannot take the settings
└── LabError              the live lab could not be started, loaded or stopped
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Any error that the workbench raises on purpose.

    `found` is what is wrong, `where` its place (file, line, table, key), `expected` what would have been
    right, `remedy` what to do about it. `str()` joins whichever are given into one line.
    """

    def __init__(self, found: str, *, where: str = "", expected: str = "", remedy: str = "") -> None:
        self.found, self.where, self.expected, self.remedy = found, where, expected, remedy
        text = f"{where}: {found}" if where else found
        if expected:
            text += f"; expected {expected}"
        if remedy:
            text += f". {remedy[0].upper()}{remedy[1:]}"
        super().__init__(text)

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.found, self.where, self.expected, self.remedy)


def _rebuild(
    kind: type[WorkbenchError], found: str, where: str, expected: str, remedy: str
) -> WorkbenchError:
    error = kind.__new__(kind)
    WorkbenchError.__init__(error, found, where=where, expected=expected, remedy=remedy)
    return error


class ReadError(WorkbenchError):
    """A file cannot become tables."""


class Unrecognized(ReadError):
    """No reader knows this content; a reader raises it to say "not mine"."""


class Malformed(ReadError):
    """A reader knows this format, and this file breaks it at `where` (line, byte or JSON path)."""

    def __init__(self, where: str, why: str, *, expected: str = "", remedy: str = "") -> None:
        super().__init__(why, where=where, expected=expected, remedy=remedy)


class TableError(WorkbenchError):
    """A frame is not the table that it claims to be."""


class Contradiction(WorkbenchError):
    """Parts of the evidence cannot all be true."""


class CollectError(WorkbenchError):
    """A live system did not answer as its protocol says."""


class SettingError(WorkbenchError):
    """A knob is unknown, or a value is outside its bounds."""


class CalibrationError(WorkbenchError):
    """The evidence does not determine a model."""


class TargetError(WorkbenchError):
    """A configuration file or format cannot take the settings."""


class LabError(WorkbenchError):
    """The live lab could not be started, loaded or stopped."""
