"""The public list: what it names exists, and the story in the docstring names the nouns and verbs."""

from __future__ import annotations

import inspect

import pytest

import workbench


@pytest.mark.parametrize("name", workbench.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name):
    thing = getattr(workbench, name)
    assert inspect.getdoc(thing)
    assert thing.__module__.startswith("workbench.")
    assert name in dir(workbench)


def test_there_are_about_twenty_of_them_each_once():
    assert 20 <= len(workbench.__all__) <= 27
    assert len(set(workbench.__all__)) == len(workbench.__all__)


def test_the_story_names_the_nouns_and_the_verbs():
    nouns = ("Capture", "Twin", "SLO", "Objective", "Scenario", "Recommendation", "Verdict", "Ledger")
    verbs = ("record", "read", "calibrate", "simulate", "observe", "predict", "search", "export", "verify")
    for word in nouns + verbs:
        assert f"`{word}`" in workbench.__doc__, word
    assert set(nouns + verbs) <= set(workbench.__all__)


def test_what_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'manager'"):
        workbench.manager  # noqa: B018
