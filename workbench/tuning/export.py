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
    or would have been, there before), NAME.diff, and recommendation.json, the frozen prediction that
    `verify` reads. All are written beside and renamed. Raises TargetError for an unknown target, for "no
    advice", and where the file cannot take the settings.
    """
    module = targets.target(target)
    if recommendation.advice == NO_ADVICE:
        raise TargetError(
            "the recommendation is 'no advice': nothing tried holds every SLO",
            where=str(folder),
            remedy="ease the SLOs, widen the knobs, or export settings that you choose by hand",
        )
    old, new, knobs = _translated(recommendation, module.SYSTEM)
    folder = Path(folder)
    path = folder / module.FILENAME
    source = Path(base) if base is not None else path if path.exists() else None
    why = _why(recommendation, old, new, knobs)
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            _write(path.with_name(path.name + ".rollback"), targets.encode(module, before)),
            _write(path.with_name(path.name + ".diff"), targets.encode(module, diff)),
            _write(folder / RECORD, recommendation.to_json().encode()),
            _write(path, targets.encode(module, after)),
        ][::-1]
    except OSError as error:
        raise TargetError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            expected="a folder that can be written to",
            remedy="choose another folder",
        ) from error


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


def _why(recommendation: Recommendation, old: Settings, new: Settings, knobs: list[Knob]) -> dict[str, str]:
    """Give the reason by the target's key: the recommendation's, with the old value in the target's words."""
    reason = next(iter(recommendation.why().values()), "").split("; ", 1)[-1]
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


def _write(path: Path, content: bytes) -> Path:
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
