"""A Kafka producer's properties file.

# producer of the orders service
linger.ms=5
"""

from __future__ import annotations

from functools import partial

from workbench.targets import _properties

FORMAT = "Kafka producer properties"
SYSTEMS = ("kafka_producer",)
FILENAME = "{service}/producer.properties"
ENCODING = _properties.ENCODING

blank = partial(_properties.blank, "Kafka producer")
current = partial(_properties.current, where=FILENAME)
edit = partial(_properties.edit, where=FILENAME)
