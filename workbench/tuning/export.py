"""`export`: a recommendation in a system's own configuration format, with the way back beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench import targets
from workbench.errors import TargetError
from workbench.knobs import all_knobs, apply, settings_of
from workbench.settings import Knob, Settings
from workbench.tuning._beside import write
from workbench.tuning.objective import shown_setting
from workbench.tuning.recommendation import NO_ADVICE, Recommendation

RECORD = "recommendation.json"


def export(
    recommendation: Recommendation, target: str, folder: str | Path, *, base: str | Path | None = None
) -> list[Path]:
    """Write the configuration file of `target` ("lab_yaml", "istio", …) and give what was written.

    `base` is the file in use now, or the folder that holds it, edited with its comments and order kept;
    without it the file of that name in `folder`, if there is one, else a new one with every setting. Where a
    file holds one service there is one for each service that changes, SERVICE/NAME. Beside it lie
    NAME.rollback (what was, or would have been, there before; the same again, exported twice, leaves it),
    NAME.diff and NAME.rollback.diff, which `patch -p1` takes there and back, and in `folder`
    recommendation.json, the frozen prediction that `verify` reads. All are written beside and renamed.
    Changes that the format has no word for are named in the comments. Raises TargetError for an unknown
    target, for "no advice", and where the file cannot take the settings or the format can say no change.
    """
    module = targets.target(target)
    if recommendation.advice == NO_ADVICE:
        raise TargetError(
            "the recommendation is 'no advice': nothing tried holds every SLO",
            where=str(folder),
            remedy="ease the SLOs, widen the knobs, or export settings that you choose by hand",
        )
    old, new, knobs = _translated(recommendation, module.SYSTEMS)
    unsaid = _unsaid(recommendation, knobs)
    if unsaid and len(unsaid) == len(recommendation.changes):
        raise TargetError(
            f"it has no word for {', '.join(unsaid)}, and nothing else changes",
            where=module.FORMAT,
            remedy="export to another format",
        )
    why = _why(recommendation, old, new, knobs, unsaid)
    files = _files(module, knobs, old, new)
    folder, contents = Path(folder), dict[Path, bytes]()
    for name, known in files.items():
        source = _source(folder, name, base, several=len(files) > 1)
        was, now = (_of(settings, known) for settings in (old, new))
        if source is None:
            empty = module.blank(known)
            before, after = (
                module.edit(empty, was, known, why={}),
                module.edit(empty, now, known, why=_of(why, known)),
            )
        else:
            before = targets.read(module, source)
            found = module.current(before, known, where=str(source))
            changes = _as_it_says({k: v for k, v in now.items() if v != was.get(k)}, found, known)
            reasons = _against_file(_of(why, known), found, old, known)
            after = module.edit(before, changes, known, why=reasons, where=str(source))
        path = folder / name
        rollback, change, back = (
            path.with_name(path.name + ending) for ending in (".rollback", ".diff", ".rollback.diff")
        )
        again = source == path and after == before and rollback.exists() and change.exists()
        contents[path] = targets.encode(module, after)
        contents.setdefault(folder / RECORD, recommendation.to_json().encode())
        contents[change] = targets.encode(module, _unified(before, after, name))
        contents[rollback] = targets.encode(module, before)
        contents[back] = targets.encode(module, _unified(after, before, name))
        if again:
            contents |= {file: file.read_bytes() for file in (change, rollback, back) if file.exists()}
    try:
        for path in reversed(contents):  # the way back first, the configuration last
            write(path, contents[path])
    except OSError as error:
        raise TargetError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            expected="a folder that can be written to",
            remedy="choose another folder",
        ) from error
    return list(contents)


def difference(recommendation: Recommendation, target: str) -> str:
    """Give the unified diff that `export` to a new file would write, for a look beforehand."""
    module = targets.target(target)
    old, new, knobs = _translated(recommendation, module.SYSTEMS)
    parts = []
    for name, known in _files(module, knobs, old, new).items():
        empty = module.blank(known)
        before, after = (module.edit(empty, _of(s, known), known, why={}) for s in (old, new))
        parts.append(_unified(before, after, name, lines=2))
    return "".join(parts)


def _files(module: targets.Target, knobs: list[Knob], old: Settings, new: Settings) -> dict[str, list[Knob]]:
    """Give each file of the target with its knobs: one, or one a service that changes (if none, for all)."""
    if "{service}" not in module.FILENAME:
        return {module.FILENAME: knobs}
    moved = {knob.service for knob in knobs if new.get(knob.key) != old.get(knob.key)}
    files: dict[str, list[Knob]] = {}
    for knob in knobs:
        if knob.service in moved or not moved:
            # Names of services come with what was recorded, and may hold anything.
            folder = re.sub(r"[^\w-]+", "-", knob.service).strip("-") or "service"
            files.setdefault(module.FILENAME.format(service=folder), []).append(knob)
    return files


def _source(folder: Path, name: str, base: str | Path | None, *, several: bool) -> Path | None:
    """Give the file in use, or None where a new one is to be written."""
    if base is None:
        return folder / name if (folder / name).exists() else None
    if Path(base).is_dir():
        return Path(base) / name if (Path(base) / name).exists() else None
    if several:
        raise TargetError(
            "one file, and several services change",
            where=str(base),
            expected=f"a folder that holds {name} and its like",
        )
    return Path(base)


def _as_it_says(changes: Mapping[str, Any], found: Settings, knobs: list[Knob]) -> Settings:
    """Of settings that are one thing to the network, as two pools, keep those that the file has, if any."""
    paths = {knob.key: knob.path for knob in knobs}
    held = {paths[key] for key in found}
    return Settings({k: v for k, v in changes.items() if k in found or paths[k] not in held})


def _of(values: Mapping[str, Any], knobs: Iterable[Knob]) -> dict[str, Any]:
    """Give the part of a mapping by key that is these knobs'."""
    return {knob.key: values[knob.key] for knob in knobs if knob.key in values}


def _unified(before: str, after: str, name: str, *, lines: int = 3) -> str:
    """Give the unified diff that `patch -p1` and `git apply` take, last lines without an end included."""
    both = (text.split("\n") for text in (before, after))
    old, new = ([*(f"{line}\n" for line in whole), *([last] if last else [])] for *whole, last in both)
    found = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=lines)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found
    )


def _translated(
    recommendation: Recommendation, systems: Iterable[str]
) -> tuple[Settings, Settings, list[Knob]]:
    """Give present and recommended settings in other systems' words, its own for none, by the network."""
    new = recommendation.network
    was = {key: old for key, (old, _) in recommendation.changes.items()}
    # What was unset stood at no limit, or at the least there is (one try, no backoff), as `search` takes it.
    unset = {k.key: k.low if k.off is None else k.off for k in recommendation.knobs}
    old = apply(new, recommendation.knobs, {k: unset[k] if v is None else v for k, v in was.items()})
    before, after = (
        [knob for system in systems for knob in all_knobs(system, network)] or list(recommendation.knobs)
        for network in (old, new)
    )
    return settings_of(old, before), settings_of(new, after), after


def _unsaid(recommendation: Recommendation, knobs: list[Knob]) -> list[str]:
    """Give the changed settings that move what no knob of the target moves."""
    own = {knob.key: knob.path for knob in recommendation.knobs}
    theirs = {knob.path for knob in knobs}
    return [key for key in recommendation.changes if own[key] not in theirs]


def _why(
    recommendation: Recommendation, old: Settings, new: Settings, knobs: list[Knob], unsaid: list[str]
) -> dict[str, str]:
    """Give the reason by the target's key: the recommendation's, with the old value in the target's words."""
    reason = next(iter(recommendation.why().values()), "").split("; ", 1)[-1]
    if unsaid:
        reason += f"; of these changes not in this file: {', '.join(unsaid)}"
    known = {knob.key: knob for knob in knobs}
    return {
        key: f"was {shown_setting(known[key], old.get(key))}; {reason}"
        for key, value in new.items()
        if value != old.get(key)
    }


def _against_file(why: dict[str, str], found: Settings, old: Settings, knobs: list[Knob]) -> dict[str, str]:
    """Say so where the file in use holds another value than the recording ran with."""
    known = {knob.key: knob for knob in knobs}
    return {
        key: f"the file had {shown_setting(known[key], found[key])}; in the recording it {text}"
        if key in found and found[key] != old.get(key)
        else text
        for key, text in why.items()
    }
