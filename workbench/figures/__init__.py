"""Numbers → plotly figures, one file per question: no groupby, no quantile, no show."""
