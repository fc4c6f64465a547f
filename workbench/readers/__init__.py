"""Raw files → Capture: one module per format, found by discovery, recognised by content.

A module here that has `FORMAT`, `sniff(head)` and `read(*streams)` (see `_seam.Reader`) is a reader; nothing
else needs to know of it.
"""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import capture as captures
from workbench import tables
from workbench.capture import Capture, Source
from workbench.errors import Contradiction, Malformed, ReadError, SettingError, Unrecognized
from workbench.readers._seam import Parts, Reader, Stream
from workbench.settings import Settings

__all__ = ["Parts", "Reader", "Stream", "read", "readers", "recognise"]

RECORDED = "workbench capture, raw files"
_ROTATED = re.compile(r"\.(\d{1,4})(\.current)?(?=(\.gz|\.zst)?$)")


@functools.cache
def readers() -> dict[str, Reader]:
    """Every reader by module name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def recognise(head: bytes, *, where: str = "") -> Reader:
    """Give the one reader that knows content beginning with `head`; raise Unrecognized if none does."""
    knowing = [name for name, reader in readers().items() if head and reader.sniff(head)]
    if len(knowing) > 1:
        raise Unrecognized(
            f"content that {' and '.join(knowing)} both claim",
            where=where,
            expected="a file of one format",
            remedy="cut the file where one format ends and the other begins",
        )
    if not knowing:
        found = "an empty file" if not head else f"content of no known format, beginning {head[:40]!r}"
        raise Unrecognized(
            found,
            where=where,
            expected=f"one of {len(readers())} formats (README, 'What it reads')",
            remedy="convert it, or add a reader: README, 'Add a format'",
        )
    return readers()[knowing[0]]


def read(*paths: str | Path, service: str = "", instance: str = "") -> Capture:
    """Read files and folders into one Capture, or a recording or saved capture by itself.

    Content decides the format, never the name. A folder is read whole; files in it that nothing recognises
    are listed among the sources as skipped, while a file named by itself must be readable. Rows that name
    no service get `service` and `instance`. Raises Unrecognized, Malformed or Contradiction.
    """
    if not paths:
        raise Unrecognized("no path", expected="files or folders to read")
    folders = [Path(p) for p in paths]
    if "" in paths:
        raise Unrecognized("an empty path", expected="a file or folder to read", remedy="check the variable")
    for path in folders:
        if not path.exists():
            raise Unrecognized("no such file or folder", where=str(path), remedy="check the spelling")
    if len(folders) > 1:
        _refuse_captures(folders)
    elif captures.is_saved(folders[0]):
        return captures.load(folders[0])
    manifest = _manifest(folders[0]) if len(folders) == 1 else {}
    _refuse_absent(folders[0], manifest)
    owners = {f["path"]: (f["service"], f["instance"]) for f in manifest.get("files", [])}
    found: list[tuple[Source, Parts]] = []
    if manifest.get("notes"):
        found.append((Source(captures.MANIFEST, RECORDED, notes=manifest["notes"]), Parts()))
    listed = {folders[0] / name for name in owners} if owners else None
    for named, root, group in _groups(folders, listed):
        label = group[0].name if named else group[0].relative_to(root).as_posix()
        try:
            source, parts = _read_group(group, label)
        except Unrecognized as error:
            if named:
                raise
            found.append((Source(label, "not recognised", skipped={error.found: 1}), Parts()))
            continue
        own = owners.get(label, (service, instance))
        found.append((source, Parts({n: _owned(f, *own) for n, f in parts.frames.items()})))
    if not any(parts.frames for _, parts in found):
        raise Unrecognized(
            f"nothing readable among {len(found)} files",
            where=", ".join(str(p) for p in paths),
            expected=f"one of {len(readers())} formats (README, 'What it reads')",
            remedy="name the folder that holds the telemetry, or add a reader: README, 'Add a format'",
        )
    window = {key: manifest[key] for key in ("start", "end") if manifest.get(key) is not None}
    result = Capture(
        name=manifest.get("name", folders[0].name),
        settings=manifest.get("settings", Settings()),
        load=manifest.get("load", {}),
        sources=tuple(source for source, _ in found),
        **window,
        **_join([parts.frames for _, parts in found]),
    )
    _refuse_foreign_times(result, manifest)
    return result


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / captures.MANIFEST
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Malformed(str(path), f"not JSON: {error}", remedy="record the capture again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != RECORDED:
        return {}
    try:
        return manifest | {
            "start": _utc(manifest.get("start")),
            "end": _utc(manifest.get("end")),
            "settings": Settings(manifest.get("settings", {})),
            "load": dict(manifest.get("load", {}).items()),
            "notes": tuple(str(note) for note in manifest.get("notes", ())),
            "files": [
                {"service": "", "instance": "", **f, "path": str(f["path"])} for f in manifest["files"]
            ],
        }
    except (AttributeError, KeyError, TypeError, ValueError, SettingError) as error:
        raise Malformed(
            str(path), f"not the manifest of a recording: {error!r}", remedy="record the capture again"
        ) from error


def _utc(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(str(text)).tz_convert("UTC")


def _refuse_captures(folders: list[Path]) -> None:
    """Refuse to join captures: each has a window and settings of its own, which the whole would lose."""
    for folder in folders:
        if captures.is_saved(folder) or _manifest(folder):
            raise Contradiction(
                "a capture among several paths",
                where=str(folder),
                expected="one capture, or files and folders without a manifest",
                remedy="read each capture by itself; `calibrate` takes several",
            )


def _refuse_absent(folder: Path, manifest: dict[str, Any]) -> None:
    absent = [f["path"] for f in manifest.get("files", []) if not (folder / f["path"]).is_file()]
    if absent:
        raise Contradiction(
            f"{len(absent)} files that the manifest lists are absent, first {absent[0]}",
            where=str(folder),
            remedy="copy the recording again, whole",
        )


def _groups(paths: list[Path], listed: set[Path] | None) -> Iterable[tuple[bool, Path, list[Path]]]:
    """Give (was it named, its root, files of one rotated set, oldest first).

    Of a recording, only what its manifest lists is evidence.
    """
    for path in paths:
        if path.is_file():
            yield True, path.parent, [path]
            continue
        sets: dict[Path, list[Path]] = {}
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            wanted = file.name != captures.MANIFEST if listed is None else file in listed
            if file.is_file() and not hidden and wanted:
                sets.setdefault(file.with_name(_ROTATED.sub("", file.name)), []).append(file)
        for files in sets.values():
            yield False, path, sorted(files, key=_age)


def _age(path: Path) -> tuple[int, float]:
    match = _ROTATED.search(path.name)
    return (1, 0) if match is None or match[2] else (0, path.stat().st_mtime)


def _read_group(group: list[Path], label: str) -> tuple[Source, Parts]:
    streams = [Stream(label if len(group) == 1 else path.name, path) for path in group]
    reader = recognise(streams[0].head(), where=label)
    try:
        parts = reader.read(*streams)
    except ReadError:
        raise
    except RecursionError as error:
        raise Malformed(label, "nested too deeply", expected=reader.FORMAT) from error
    rows = {name: len(frame) for name, frame in parts.frames.items()}
    return Source(label, reader.FORMAT, rows, dict(parts.skipped), tuple(parts.notes)), parts


def _owned(frame: pd.DataFrame, service: str, instance: str) -> pd.DataFrame:
    if "service" not in frame or not (service or instance):
        return frame
    frame = frame.copy(deep=False)
    for column, value in (("service", service), ("instance", instance)):
        frame[column] = frame[column].mask(frame[column] == "", value).astype(tables.TEXT)
    return frame


def _join(many: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    shifted, next_series, next_frame = [], 0, 0
    for frames in many:
        frames = dict(frames)
        if "series" in frames:
            for name in {"series", "samples", "exemplars"} & frames.keys():
                frames[name] = frames[name].assign(series=frames[name]["series"] + next_series)
            next_series += len(frames["series"])
        if "frames" in frames:
            frames["frames"] = frames["frames"].assign(frame=frames["frames"]["frame"] + next_frame)
            frames["stacks"] = frames["stacks"].assign(frames=_shift(frames["stacks"]["frames"], next_frame))
            next_frame += len(frames["frames"])
        shifted.append(frames)
    return {
        name: table.concat([frames[name] for frames in shifted if name in frames])
        for name, table in tables.TABLES.items()
    }


def _shift(stacks: pd.Series, by: int) -> pd.Series:
    array = pa.array(stacks)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    codes = array.flatten().to_numpy(False) + np.int32(by)
    lengths = np.diff(array.offsets.to_numpy(False))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.ListArray.from_arrays(offsets, codes)))


def _refuse_foreign_times(capture: Capture, manifest: dict[str, Any]) -> None:
    """Refuse a recording in which a table lies wholly outside the window that its manifest names."""
    if manifest.get("start") is None:
        return
    for name, column in (("spans", "start"), ("samples", "time"), ("pauses", "start")):
        times = getattr(capture, name)[column].dropna()
        if len(times) and (times.max() < capture.start or times.min() > capture.end):
            raise Contradiction(
                f"table {name} runs from {times.min()} to {times.max()}, "
                f"the manifest's window from {capture.start} to {capture.end}",
                where=capture.name,
                expected="evidence from inside the window",
                remedy="check the clocks and the manifest, or read the files without the manifest",
            )
