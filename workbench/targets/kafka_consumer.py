"""A Kafka consumer's properties file.

# consumer of the orders service
max.poll.records=500
"""

from __future__ import annotations

from functools import partial

from workbench.targets import _properties

FORMAT = "Kafka consumer properties"
SYSTEMS = ("kafka_consumer",)
FILENAME = "{service}/consumer.properties"
ENCODING = _properties.ENCODING

blank = partial(_properties.blank, "Kafka consumer")
current = partial(_properties.current, where=FILENAME)
edit = partial(_properties.edit, where=FILENAME)
