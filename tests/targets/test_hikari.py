"""Properties are read and edited as java.util.Properties reads them; Java itself is asked."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import need_program
from tests.targets.shop import knobs_of, moved, sample
from workbench.errors import TargetError
from workbench.targets import hikari
from workbench.targets._properties import properties as every_property


def properties(text: str) -> list:
    """The properties of a text."""
    return every_property(text, where="hikari.properties")


KNOBS = knobs_of("hikari")

# By the documentation of java.util.Properties.load.
LINES = {
    "Truth = Beauty\n": ("Truth", "Beauty"),
    "  Truth:Beauty": ("Truth", "Beauty"),
    "Truth\t\t\t:Beauty \n": ("Truth", "Beauty "),
    "fruits   apple, banana, pear, \\\r\n         cantaloupe, \\\n\t  kiwi\n": (
        "fruits",
        "apple, banana, pear, cantaloupe, kiwi",
    ),
    "cheeses\n": ("cheeses", ""),
    "\\:\\= = x": (":=", "x"),
    "a\\ b c": ("a b", "c"),
    "a = = b": ("a", "= b"),
    "a\\u0041:\\u00e9\\t\\q": ("aA", "é\tq"),
    "a=b\\\\\nc=d": ("a", "b\\"),
    "a=b\\\n": ("a", "b"),
    "a\\\n  b=c": ("ab", "c"),
    "a=\\\n#x": ("a", "#x"),
}


@pytest.mark.parametrize(("text", "pair"), LINES.items())
def test_a_line_is_read_as_java_documents_it(text, pair):
    first = properties(text)[0]
    assert (first.key, first.value) == pair


def test_comments_and_blank_lines_hold_nothing():
    assert properties("# a=1\\\n  ! b=2\n \t\n") == []


def test_an_escape_that_java_refuses_is_placed():
    with pytest.raises(TargetError, match=r"hikari.properties:2: escape \\u12") as error:
        properties("a=1\nb=\\u12\n")
    assert error.value.expected == r"four hex digits after \u"


def test_the_last_of_two_counts_and_is_the_one_edited():
    text = "maximumPoolSize=1\nmaximumPoolSize=2\n"
    assert hikari.current(text, KNOBS) == {"orders/maximumPoolSize": 2}
    assert hikari.edit(text, {"orders/maximumPoolSize": 3}, KNOBS, why={}) == text.replace("2", "3")


def test_a_value_over_several_lines_becomes_one():
    text = "a=1\nmaximumPoolSize = 1\\\n    0\nb=2\n"
    assert hikari.current(text, KNOBS) == {"orders/maximumPoolSize": 10}
    assert (
        hikari.edit(text, {"orders/maximumPoolSize": 7}, KNOBS, why={}) == "a=1\nmaximumPoolSize = 7\nb=2\n"
    )


def test_a_new_line_is_spelled_as_the_others_and_follows_a_last_line_that_goes_on():
    assert hikari.edit("a : 1", {"orders/minimumIdle": 2}, KNOBS, why={}) == "a : 1\nminimumIdle : 2\n"
    after = hikari.edit("a=1\\\n", {"orders/minimumIdle": 2}, KNOBS, why={})
    assert [(p.key, p.value) for p in properties(after)] == [("a", "1"), ("minimumIdle", "2")]


def test_a_number_that_java_cannot_parse_is_placed():
    with pytest.raises(TargetError, match=r"hikari.properties:2, orders/maximumPoolSize: '10 '"):
        hikari.current("# x\nmaximumPoolSize=10 \n", KNOBS)


def test_two_pools_are_refused():
    import dataclasses

    other = dataclasses.replace(KNOBS[0], service="stock")
    with pytest.raises(
        TargetError, match="knobs of 2 services, orders, stock; expected one service to a file"
    ):
        hikari.current("", [*KNOBS, other])


@settings(max_examples=200)
@given(text=st.text(alphabet="ab=: \t\f\\\n\r#!u0041é", max_size=40))
def test_every_text_is_read_or_refused_and_spans_do_not_overlap(text):
    try:
        found = properties(text)
    except TargetError:
        return
    ends = [0, *(place for one in found for place in (one.start, one.end))]
    assert ends == sorted(ends)
    assert ends[-1] <= len(text)


PROGRAM = """
import java.io.*; import java.nio.file.*; import java.util.*;
public class Load { public static void main(String[] names) throws Exception {
  for (String name : names) {
    Properties held = new Properties();
    String line;
    try (InputStream in = Files.newInputStream(Path.of(name))) {
      held.load(in);
      StringBuilder out = new StringBuilder("{");
      for (String key : new TreeSet<>(held.stringPropertyNames())) {
        out.append(out.length() > 1 ? "," : "");
        out.append(text(key)).append(":").append(text(held.getProperty(key)));
      }
      line = out.append("}").toString();
    } catch (IllegalArgumentException refused) { line = "null"; }
    System.out.println(line);
  } }
  static String text(String s) {
    StringBuilder out = new StringBuilder("\\"");
    for (char c : s.toCharArray()) out.append(String.format("\\\\u%04x", (int) c));
    return out.append("\\"").toString();
  } }
"""


def test_java_reads_the_same_from_samples_damaged_files_and_edits(tmp_path):
    java = need_program("java", "Install a JDK, for instance: apt-get install openjdk-17-jdk-headless")
    need_program("javac", "Install a JDK, for instance: apt-get install openjdk-17-jdk-headless")
    wanted = moved(KNOBS, 0.37)
    edited = hikari.edit(sample("hikari"), wanted, KNOBS, why=dict.fromkeys(wanted, "é → \\"))
    texts = [*LINES, sample("hikari"), edited, *_damaged(sample("hikari")), *_damaged("".join(LINES))]
    paths = [tmp_path / f"{i}.properties" for i in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode("latin-1"))
    (tmp_path / "Load.java").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [java, str(tmp_path / "Load.java"), *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [_ours(text) for text in texts] == answers
    assert {
        f"orders/{k}": int(v) for k, v in answers[len(LINES) + 1].items() if f"orders/{k}" in wanted
    } == wanted


def _ours(text: str) -> dict | None:
    try:
        return {one.key: one.value for one in properties(text)}
    except TargetError:
        return None


def _damaged(text: str) -> list[str]:
    """Each text with one place cut out or something put in, every few characters."""
    return [
        text[:place] + put + text[place + cut :]
        for place in range(0, len(text), 7)
        for put, cut in (("\\", 0), ("\n", 1), ("", 3), ("\\u00", 0), (" \f", 2))
    ]
