"""A ThreadPoolExecutor as Java properties, which a program gives to its constructor; one service.

corePoolSize=8
maximumPoolSize=8
queueCapacity=64
"""

from __future__ import annotations

from functools import partial

from workbench.targets import _properties

FORMAT = "ThreadPoolExecutor properties"
SYSTEMS = ("threadpool",)
FILENAME = "{service}/threadpool.properties"
ENCODING = _properties.ENCODING

blank = partial(_properties.blank, "Thread pool")
current = partial(_properties.current, where=FILENAME)
edit = partial(_properties.edit, where=FILENAME)
