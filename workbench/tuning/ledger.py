"""The ledger: predictions frozen before a change, graded after it, and what the record says of the twin.

A folder, one file for each thing that was said, none ever changed:

    4f1c….prediction.json   the recommendation, its predictions with intervals, when and of which system
    4f1c….twin.json.gz      the twin as it was, to be run again on the arrivals that came
    4f1c….1.grade.json      predicted, measured and run again, by quantity; better, worse or not told apart
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.capture import Capture
from workbench.errors import Malformed, SettingError
from workbench.settings import Settings
from workbench.tuning import _frozen_twin
from workbench.tuning._beside import write
from workbench.tuning.recommendation import Frozen, Recommendation, thaw
from workbench.tuning.verify import BETTER, SAME, WORSE, Verdict, verify
from workbench.twin.measured import replayed
from workbench.twin.model import Twin, predict
from workbench.twin.outcome import label, shown

PREDICTION, TWIN, GRADE = ".prediction.json", ".twin.json.gz", ".grade.json"
FORMAT = "workbench ledger 1"
_NUMBERS = ["predicted", "low", "high", "measured", "measured_low", "measured_high"]
_AGAIN = ["again", "again_low", "again_high"]


@dataclass(frozen=True, repr=False)
class Grade:
    """What became of a prediction: the verdict, and `table` with the frozen twin's run on what came.

    `table` has by quantity: predicted, low, high; measured, measured_low, measured_high; again, again_low,
    again_high (the twin as it was, at the new settings, on the arrivals that came); judgement.
    """

    id: str
    system: str
    verdict: Verdict
    table: pd.DataFrame

    def text(self) -> str:
        """Give the raw differences first, then the frozen twin on the arrivals that came."""
        *lines, last = self.verdict.text().splitlines()
        lines.append("the twin as it was frozen, on the arrivals that came:")
        for q, row in self.table.iterrows():
            low, high = (shown(str(q), row[name]) for name in ("again_low", "again_high"))
            inside = "inside" if row["again_low"] <= row["measured"] <= row["again_high"] else "outside"
            lines.append(
                f"  {label(str(q)):13}{shown(str(q), row['again'])} ({low} to {high}), "
                f"measured {shown(str(q), row['measured'])}: {inside}"
            )
        return "\n".join([*lines, last])

    def __repr__(self) -> str:
        return f"Grade({self.id}: {self.verdict!r})"


class Ledger:
    """The predictions and grades in a folder, which `freeze` makes if it is not there."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def begun(self) -> bool:
        """True if something was ever written in it."""
        return any(self.folder.glob(f"*{PREDICTION}"))

    def freeze(
        self, recommendation: Recommendation | str, twin: Twin, *, at: datetime, system: str = ""
    ) -> str:
        """Write a prediction down before its change is made, and give its id.

        `recommendation` may be the text of a recommendation.json. `system` is left out the names of the
        twin's services. The same again has the same id, and leaves what was written first. Raises Malformed
        for a text that is no recommendation.
        """
        text = recommendation if isinstance(recommendation, str) else recommendation.to_json()
        promised = thaw(text)
        changed = {k: v for k, v in promised.current.items() if twin.settings.get(k) != v}
        if changed:
            key = next(iter(changed))
            raise SettingError(
                f"{key} is {twin.settings.get(key)} in the twin",
                where="ledger",
                expected=f"{changed[key]}, from which the recommendation sets out",
                remedy="give the twin that the recommendation was made with",
            )
        names = (s.name for s in twin.network.stations if s.name != twin.network.entry)
        one = self.id_of(text)
        record = {
            "format": FORMAT,
            "id": one,
            "at": at.isoformat(),
            "system": system or ", ".join(names),
            "capture": twin.name,
            "window": [twin.start.isoformat(), twin.duration_s],
            "workbench": version("workbench"),
            "recommendation": json.loads(text),
        }
        if not (self.folder / f"{one}{PREDICTION}").exists():
            frozen = gzip.compress(_frozen_twin.freeze(twin).encode(), mtime=0)
            self._write(f"{one}{TWIN}", frozen)  # first, so that no prediction is seen without its twin
            self._write(f"{one}{PREDICTION}", json.dumps(record, indent=1).encode())
        return one

    @staticmethod
    def id_of(text: str) -> str:
        """Give the id that a recommendation.json has in every ledger."""
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def twin(self, one: str) -> Twin:
        """Give the twin as it was when a prediction was frozen."""
        path = self.folder / f"{one}{TWIN}"
        try:
            text = gzip.decompress(path.read_bytes()).decode()
        except (OSError, EOFError, ValueError) as error:
            raise Malformed(
                str(path), f"cannot be read: {error}", expected="the twin of a prediction"
            ) from error
        return _frozen_twin.thaw(text, where=str(path))

    def prediction(self, one: str) -> Frozen:
        """Give what was predicted."""
        record = self._prediction(one)
        return thaw(json.dumps(record["recommendation"]), where=f"{self.folder / one}{PREDICTION}")

    def grade(
        self,
        one: str,
        before: Capture,
        after: Capture,
        *,
        at: datetime,
        shares: tuple[float, float] | None = None,
        seed: int = 0,
    ) -> Grade:
        """Grade a prediction by captures from before and after its change, and write the grade down.

        `shares` as in `verify`. The twin is run as it was frozen, never fitted again. Several grades of one
        prediction stand beside each other.
        """
        promised, record = self.prediction(one), self._prediction(one)
        verdict = verify(promised, before, after, shares=shares, seed=seed)
        table = verdict.table.rename(
            columns={
                "predicted_low": "low",
                "predicted_high": "high",
                "after": "measured",
                "after_low": "measured_low",
                "after_high": "measured_high",
            }
        )
        again = self._again(one, promised.settings, after, share=shares[1] if shares else 1.0, seed=seed)
        table = table[[*_NUMBERS, "judgement"]].join(again)
        grade = Grade(one, record["system"], verdict, table)
        self._write_grade(grade, before, after, at)
        return grade

    def _again(
        self, one: str, settings: Settings, after: Capture, *, share: float, seed: int
    ) -> pd.DataFrame:
        """What the frozen twin makes of the arrivals that came."""
        twin = self.twin(one)
        moved = {key: value for key, value in settings.items() if key in twin.settings}
        numbers = predict(twin, moved, duration_s=after.duration_s, seed=seed, times_s=replayed(after)).table[
            ["value", "low", "high"]
        ]
        numbers.loc["throughput_rps"] /= share
        return numbers.set_axis(_AGAIN, axis=1)

    def _write_grade(self, grade: Grade, before: Capture, after: Capture, at: datetime) -> None:
        verdict = grade.verdict
        record = {
            "format": FORMAT,
            "id": grade.id,
            "at": at.isoformat(),
            "system": grade.system,
            "before": [before.name, str(before.start), before.duration_s],
            "after": [after.name, str(after.start), after.duration_s],
            "judgement": verdict.judgement,
            "broken": [str(slo) for slo in verdict.broken],
            "notes": list(verdict.notes),
            "block_s": verdict.block_s,
            "workbench": version("workbench"),
            "quantities": {
                str(q): {name: _plain(value) for name, value in row.items()}
                for q, row in grade.table.iterrows()
            },
        }
        number = 1
        while (self.folder / f"{grade.id}.{number}{GRADE}").exists():
            number += 1
        self._write(f"{grade.id}.{number}{GRADE}", json.dumps(record, indent=1, allow_nan=False).encode())

    def entries(self) -> pd.DataFrame:
        """Give each prediction, oldest first: id, at, system, advice, changes, grades, judgement."""
        grades: dict[str, list[str]] = {}
        for record in self._records(GRADE):
            grades.setdefault(record["id"], []).append(record["judgement"])
        rows = [
            {
                "id": record["id"],
                "at": record["at"],
                "system": record["system"],
                "advice": record["recommendation"]["advice"],
                "changes": _changes(record["recommendation"]),
                "grades": len(grades.get(record["id"], [])),
                "judgement": (grades.get(record["id"]) or [""])[-1],
            }
            for record in self._records(PREDICTION)
        ]
        columns = ["id", "at", "system", "advice", "changes", "grades", "judgement"]
        return pd.DataFrame(rows, columns=columns).sort_values("at", ignore_index=True)

    def record(self) -> pd.DataFrame:
        """Give how true the twin has been, by system and quantity.

        `coverage` is the share of measurements inside their predicted interval, which is to hold 90 %; `bias`
        the mean of predicted over measured less 1, for shares of predicted less measured. `again_coverage`
        and `again_bias` are the same for the frozen twin on the arrivals that came. Then the number of
        grades, and of better, worse and not told apart.
        """
        rows = [
            {"system": record["system"], "quantity": q, **numbers}
            for record in self._records(GRADE)
            for q, numbers in record["quantities"].items()
        ]
        frame = pd.DataFrame(rows, columns=["system", "quantity", *_NUMBERS, *_AGAIN, "judgement"])
        kept = {key: _true(own) for key, own in frame.groupby(["system", "quantity"], sort=False)}
        index = pd.MultiIndex.from_tuples(kept, names=["system", "quantity"]) if kept else None
        return pd.DataFrame(list(kept.values()), index=index, columns=_RECORD)

    def _prediction(self, one: str) -> dict[str, Any]:
        found = {record["id"]: record for record in self._records(PREDICTION)}
        if one not in found:
            raise SettingError(
                f"no prediction {one!r}",
                where=str(self.folder),
                expected=f"one of {list(found)[-8:]}" if found else "a ledger with predictions",
                remedy="freeze it first, and list what is there with `workbench ledger`",
            )
        return found[one]

    def _records(self, ending: str) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.glob(f"*{ending}")):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                if record["format"] != FORMAT:
                    raise Malformed(str(path), f"format {record['format']!r}", expected=FORMAT)
                yield record
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise Malformed(str(path), f"not of a ledger: {error!r}", expected=FORMAT) from error

    def _write(self, name: str, content: bytes) -> None:
        try:
            write(self.folder / name, content)
        except OSError as error:
            raise SettingError(
                f"cannot be written: {error.strerror}",
                where=str(self.folder / name),
                expected="a folder for the ledger",
            ) from error


_RECORD = ["grades", "coverage", "bias", "again_coverage", "again_bias", BETTER, WORSE, SAME]


def _true(own: pd.DataFrame) -> dict[str, float]:
    """Coverage and bias of the grades of one quantity."""
    found: dict[str, float] = {"grades": len(own)}
    for prefix, value in (("", "predicted"), ("again_", "again")):
        inside = own[f"{prefix}low"].le(own["measured"]) & own["measured"].le(own[f"{prefix}high"])
        found[f"{prefix}coverage"] = float(inside.mean())
        difference = own[value] - own["measured"]
        relative = difference if own["quantity"].iloc[0].endswith("share") else difference / own["measured"]
        found[f"{prefix}bias"] = float(relative.replace([np.inf, -np.inf], np.nan).mean())
    return found | {word: int((own["judgement"] == word).sum()) for word in (BETTER, WORSE, SAME)}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return float(value) if np.isfinite(value) else None


def _changes(recommendation: dict[str, Any]) -> str:
    old, new = recommendation["current"], recommendation["settings"]
    moved = (f"{key} {old.get(key)} → {new[key]}" for key in new if new[key] != old.get(key))
    return "; ".join(moved)
