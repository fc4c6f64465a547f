"""`export`: a recommendation in a system's own configuration format, with the way back beside it."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path

from workbench import targets
from workbench.errors import TargetError
from workbench.knobs import all_knobs, apply, settings_of
from workbench.settings import Knob, Settings
from workbench.tuning.objective import shown_setting
from workbench.tuning.recommendation import NO_ADVICE, Recommendation

RECORD = "recommendation.json"


def export(
    recommendation: Recommendation, target: str, folder: str | Path, *, base: str | Path | None = None
) -> list[Path]:
    """Write the configuration file of `target` ("lab_yaml", "istio", …) and give what was written.

    `base` is the file in use now, edited with its comments and order kept; without it the file of that name
    in `folder`, if there is one, else a new one with every setting. Beside it lie NAME.rollback (what was,
    or would have been, there before; the same again, exported twice, leaves it), NAME.diff, and
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
    old, new, knobs = _translated(recommendation, module.SYSTEM)
    unsaid = _unsaid(recommendation, knobs)
    if unsaid and len(unsaid) == len(recommendation.changes):
        raise TargetError(
            f"it has no word for {', '.join(unsaid)}, and nothing else changes",
            where=module.FORMAT,
            remedy="export to another format",
        )
    folder = Path(folder)
    path = folder / module.FILENAME
    rollback, change = (path.with_name(path.name + ending) for ending in (".rollback", ".diff"))
    source = Path(base) if base is not None else path if path.exists() else None
    why = _why(recommendation, old, new, knobs, unsaid)
    if source is None:
        empty = module.blank(knobs)
        before = module.edit(empty, old, knobs, why={})
        after = module.edit(empty, new, knobs, why=why)
    else:
        before = targets.read(module, source)
        changes = Settings({key: value for key, value in new.items() if value != old.get(key)})
        why = _against_file(why, module.current(before, knobs, where=str(source)), old, knobs)
        after = module.edit(before, changes, knobs, why=why, where=str(source))
    names = (module.FILENAME, f"{module.FILENAME} (tuned)")
    diff = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names))
    again = source == path and after == before and rollback.exists() and change.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not again:
            _write(rollback, targets.encode(module, before))
            _write(change, targets.encode(module, diff))
        _write(folder / RECORD, recommendation.to_json().encode())
        _write(path, targets.encode(module, after))
    except OSError as error:
        raise TargetError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            expected="a folder that can be written to",
            remedy="choose another folder",
        ) from error
    return [path, folder / RECORD, change, rollback]


def difference(recommendation: Recommendation, target: str) -> str:
    """Give the unified diff that `export` to a new file would write, for a look beforehand."""
    module = targets.target(target)
    old, new, knobs = _translated(recommendation, module.SYSTEM)
    empty = module.blank(knobs)
    before, after = module.edit(empty, old, knobs, why={}), module.edit(empty, new, knobs, why={})
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), "now", "tuned", n=2)
    return "".join(lines)


def _translated(recommendation: Recommendation, system: str) -> tuple[Settings, Settings, list[Knob]]:
    """Give present and recommended settings in another system's words, by way of the network."""
    new = recommendation.network
    was = {key: old for key, (old, _) in recommendation.changes.items()}
    # What was unset stood at no limit, or at the least there is (one try, no backoff), as `search` takes it.
    unset = {k.key: k.low if k.off is None else k.off for k in recommendation.knobs}
    old = apply(new, recommendation.knobs, {k: unset[k] if v is None else v for k, v in was.items()})
    knobs = all_knobs(system, new)
    return settings_of(old, knobs), settings_of(new, knobs), knobs


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


def _write(path: Path, content: bytes) -> None:
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
