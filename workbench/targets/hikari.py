"""HikariCP's properties file, one pool.

# pool of the payments database
maximumPoolSize = 10
connectionTimeout: 30000
"""

from __future__ import annotations

from functools import partial

from workbench.targets import _properties

FORMAT = "HikariCP properties"
SYSTEMS = ("hikari",)
FILENAME = "{service}/hikari.properties"
ENCODING = _properties.ENCODING

blank = partial(_properties.blank, "Connection pool")
current = partial(_properties.current, where=FILENAME)
edit = partial(_properties.edit, where=FILENAME)
