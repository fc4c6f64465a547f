"""The theme: legible and told apart by everyone, on light and dark pages, and safe with foreign text."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from workbench.figures import theme

# Machado, Oliveira, Fernandes (2009), severity 1.0
DEFICIENCIES = {
    "none": "1 0 0 0 1 0 0 0 1",
    "protanopia": "0.152286 1.052583 -0.204868 0.114503 0.786281 0.099216 -0.003882 -0.048116 1.051998",
    "deuteranopia": "0.367322 0.860646 -0.227968 0.280085 0.672501 0.047413 -0.011820 0.042940 0.968881",
    "tritanopia": "1.255528 -0.076749 -0.178779 -0.078411 0.930809 0.147602 0.004733 0.691367 0.303900",
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_any_two_colours_stay_apart_for_colour_blind_readers(deficiency):
    sight = np.array(DEFICIENCIES[deficiency].split(), float).reshape(3, 3)
    seen = [_lab(sight @ _linear(c)) for c in theme.PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


@pytest.mark.parametrize("name", [theme.LIGHT, theme.DARK])
def test_colours_and_text_stand_out_from_the_page(name):
    layout = pio.templates[name].layout
    assert _contrast(layout.font.color, layout.paper_bgcolor) >= 7  # WCAG AAA for text
    assert min(_contrast(c, layout.paper_bgcolor) for c in theme.PALETTE) >= 2.6


def test_a_figure_has_the_title_and_axes_that_it_was_given():
    made = theme.figure("How long?", x="time (s)", y="share")
    texts = (made.layout.title.text, made.layout.xaxis.title.text, made.layout.yaxis.title.text)
    assert texts == ("How long?", "time (s)", "share")


def test_dark_gives_a_copy_and_leaves_the_original_light():
    light = theme.figure("t").add_trace(go.Scatter(x=[1], y=[2]))
    dark = theme.dark(light)
    assert dark.layout.template.layout.paper_bgcolor == "#15181C"
    assert light.layout.template.layout.paper_bgcolor == "#FFFFFF"
    assert dark.data == light.data


def test_importing_the_theme_leaves_other_peoples_default_template_alone():
    assert pio.templates.default == "plotly"


def test_plain_text_carries_no_markup_no_tex_and_no_template_field():
    made = theme.plain("<b onclick='x'>&amp;\n$a$%{label}\x00")
    assert made == ("&lt;b onclick=&#x27;x&#x27;&gt;&amp;amp; &#36;a&#36;&#37;{label} ")


def test_long_text_is_shortened_in_its_middle():
    assert theme.plain("abcdefghij", most=5) == "ab…ij"
    assert theme.plain("abcdefghij", most=2) == "a…"
    assert theme.plain("abcdefghij", most=10) == "abcdefghij"


def _linear(colour: str) -> np.ndarray:
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
