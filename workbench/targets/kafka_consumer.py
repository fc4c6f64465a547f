"""A Kafka consumer's properties file.

# consumer of the orders service
max.poll.records=500
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _properties

FORMAT = "Kafka consumer properties"
SYSTEMS = ("kafka_consumer",)
FILENAME = "{service}/consumer.properties"
ENCODING = _properties.ENCODING


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: properties are appended as settings ask for them."""
    return _properties.blank("Kafka consumer", knobs)


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
    return _properties.current(text, knobs, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones appended."""
    return _properties.edit(text, settings, knobs, why=why, where=where)
