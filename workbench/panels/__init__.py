"""Widgets around figures, one file per panel: `view` draws, pure; `panel` wires sliders and buttons to it."""
