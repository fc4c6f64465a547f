"""Attributes and labels: columns of Arrow maps, of which a few keys are wanted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.tables import TEXT


def lookup(maps: pd.Series, *keys: str) -> pd.Series:
    """Give each row's value as text by the first of `keys` that it has, missing with none; indexed from 0."""
    column = pa.chunked_array(pa.array(maps, from_pandas=True))
    found = pa.nulls(len(maps), pa.string())
    for key in keys:
        found = pc.coalesce(found, pc.map_lookup(column, pa.scalar(key), "first"))
    return pd.Series(pd.arrays.ArrowExtensionArray(found).astype(TEXT))


def numbers(text: pd.Series) -> np.ndarray:
    """Give text as float64; NaN where missing or no number."""
    if text.isna().all():
        return np.full(len(text), np.nan)
    return pd.to_numeric(text, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
