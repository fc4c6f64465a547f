"""Prometheus HTTP API: which series there are (/api/v1/series), without their values.

{"status":"success","data":[{"__name__":"up","instance":"127.0.0.1:9090","job":"prometheus"}]}
"""

from __future__ import annotations

from workbench.errors import Malformed
from workbench.readers import _json
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import SeriesColumns

FORMAT = "Prometheus series list (HTTP API)"


def sniff(head: bytes) -> bool:
    """True for an answer whose data are sets of labels with a name."""
    keys = _json.outline(head)
    return "data[].__name__" in keys and ("status" in keys or "data.result" not in keys)


def read(*streams: Stream) -> Parts:
    """Read the series; the same labels in several files are one. Samples stay empty."""
    found = SeriesColumns()
    for stream in streams:
        answer = _json.parse(stream.content(), stream.name)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list):
            raise Malformed(stream.name, "no list of series", expected='{"data": [{"__name__": …}]}')
        if answer.get("warnings"):
            found.notes += [f"the server's warnings: {text}" for text in answer["warnings"]]
        for index, entry in enumerate(data):
            if not isinstance(entry, dict) or not all(type(value) is str for value in entry.values()):
                raise Malformed(
                    f"{stream.name}, data[{index}]",
                    "not the labels of a series",
                    expected='{"__name__": "up"}',
                )
            labels = dict(entry)
            found.code(labels.pop("__name__", ""), labels)
    return found.parts(", ".join(stream.name for stream in streams))
