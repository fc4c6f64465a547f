"""Spring Boot's application.properties: the consumers of RabbitMQ in one service.

# consumers of the orders service
spring.rabbitmq.listener.simple.prefetch=250
"""

from __future__ import annotations

from functools import partial

from workbench.targets import _properties

FORMAT = "Spring Boot properties for RabbitMQ"
SYSTEMS = ("spring_rabbit",)
FILENAME = "{service}/application.properties"
ENCODING = _properties.ENCODING

blank = partial(_properties.blank, "RabbitMQ consumers")
current = partial(_properties.current, where=FILENAME)
edit = partial(_properties.edit, where=FILENAME)
