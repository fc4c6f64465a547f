"""Settings as plain JSON: services, and below each the parts of its knobs' names.

{"orders": {"workers": 8, "calls": {"payments": {"timeout_s": 0.4}}}}

JSON has no comments: where a value came from stands in recommendation.json alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _json

FORMAT = "plain JSON"
SYSTEMS = ()
FILENAME = "settings.json"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give an object without members."""
    return "{\n}\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs."""
    return _json.current(text, knobs, _place, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones added."""
    return _json.edit(text, settings, knobs, _place, where=where)


def _place(knob: Knob) -> tuple[_json.Step, ...]:
    return (knob.service, *knob.name.split("."))
