"""OTLP's attributes as JSON has them, turned into text."""

from __future__ import annotations

from typing import Any

from workbench.readers import _json


def attributes(pairs: list[dict[str, Any]] | None) -> dict[str, str]:
    """Give each attribute as text; values that are not text as JSON."""
    texts = {}
    for pair in pairs or ():
        value = pair.get("value") or {}
        text = value.get("stringValue")  # nearly all are this
        texts[pair["key"]] = text if type(text) is str else _text(value)
    return texts


def resource(told: dict[str, Any] | None) -> tuple[str, str, dict[str, str]]:
    """Give service, instance, and the attributes that its spans inherit."""
    texts = attributes((told or {}).get("attributes"))
    shared = {key: value for key, value in texts.items() if not key.startswith("service.")}
    return texts.get("service.name", ""), texts.get("service.instance.id", ""), shared


def scope(told: dict[str, Any] | None) -> dict[str, str]:
    """Give the instrumentation under the names that the specification has for other formats."""
    told = told or {}
    named = {"otel.scope.name": told.get("name"), "otel.scope.version": told.get("version")}
    return {key: value for key, value in named.items() if isinstance(value, str) and value}


def _text(value: dict[str, Any]) -> str:
    for kind, inner in value.items():
        if kind not in ("arrayValue", "kvlistValue", "doubleValue"):
            return _json.text(inner)
    return _json.text(_plain(value))


def _plain(value: dict[str, Any] | None) -> Any:
    """Turn OTLP's AnyValue into plain JSON."""
    for kind, inner in (value or {}).items():
        if kind == "arrayValue":
            return [_plain(member) for member in inner.get("values") or ()]
        if kind == "kvlistValue":
            return {pair["key"]: _plain(pair.get("value")) for pair in inner.get("values") or ()}
        if kind == "doubleValue" and type(inner) is int:
            return float(inner)  # some exporters write 1.0 as 1
        return int(inner) if kind == "intValue" else inner
    return None
