"""What holds for every target: it says back what was written, and keeps all else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.targets.shop import BARE, at, knobs_of, moved, sample
from workbench.errors import SettingError, TargetError
from workbench.knobs import systems
from workbench.settings import Knob
from workbench.targets import encode, read, target, targets

TARGETS = pytest.mark.parametrize("name", targets())
OURS = re.compile("# workbench [a-z]+/")
QUOTING = {"grpc_service_config", "plain_json", "gunicorn_conf"}  # formats in which a word stands in quotes
ENCODED = {"consul_development", "consul_production"}  # formats in which a value is not seen as it is
COMMENTED = pytest.mark.parametrize("name", sorted(set(targets()) - BARE))
BEGIN = pytest.mark.parametrize("begin", ["sample", "blank", "windows", "mark"])


def beginning(name: str, begin: str) -> str:
    """A text to edit: the sample, the target's blank, or the sample as other editors save it."""
    text = targets()[name].blank(knobs_of(name)) if begin == "blank" else sample(name)
    if begin == "windows":
        return text.replace("\n", "\r\n").removesuffix("\r\n")
    return "\ufeff" + text if begin == "mark" and targets()[name].ENCODING == "utf-8" else text


def within(knob: Knob) -> st.SearchStrategy:
    """Any value within the bounds of a knob."""
    if knob.choices:
        return st.sampled_from(knob.choices)
    return st.integers(int(knob.low), int(knob.high)) if knob.whole else st.floats(knob.low, knob.high)


def without_our_lines(text: str, keys: list[str]) -> list[str]:
    """The lines that are neither our comments nor hold one of the last words of the keys, however spelled."""
    words = {letters(re.split(r"[./]", key)[-1]) for key in keys}
    lines = [line.rstrip(",") for line in text.splitlines() if not OURS.search(line)]
    return [line for line in lines if not any(word in letters(line) for word in words)]


def letters(text: str) -> str:
    """A text as one word in small letters."""
    return re.sub(r"[\W_]", "", text).lower()


@TARGETS
def test_a_target_names_itself_and_a_system_that_there_is(name):
    one = target(name)
    assert one.FORMAT
    assert one.FILENAME
    assert set(one.SYSTEMS) <= set(systems())
    assert "{" not in one.FILENAME.removeprefix("{service}/")


@TARGETS
@BEGIN
@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
def test_what_was_written_is_read_back(name, begin, share):
    knobs, wanted = knobs_of(name), moved(knobs_of(name), share)
    after = target(name).edit(beginning(name, begin), wanted, knobs, why={})
    assert target(name).current(after, knobs) == wanted


@TARGETS
@BEGIN
def test_an_edit_that_changes_nothing_keeps_every_byte(name, begin):
    text, knobs = beginning(name, begin), knobs_of(name)
    now = target(name).current(text, knobs)
    assert target(name).edit(text, now, knobs, why=dict.fromkeys(now, "because")) == text
    assert target(name).edit(text, {}, knobs, why={}) == text


@TARGETS
@BEGIN
def test_lines_that_are_not_asked_for_stay_as_they_are(name, begin):
    text, knobs = beginning(name, begin), knobs_of(name)
    wanted = moved(knobs, 0.37)
    after = target(name).edit(text, wanted, knobs, why=dict.fromkeys(wanted, "a reason"))
    kept = without_our_lines(after, list(wanted))
    place = iter(kept)
    assert all(line in place for line in without_our_lines(text, list(wanted)))
    assert ("\r" in text) == ("\r" in after)
    assert not re.search(r"[^\r]\n", after) or "\r" not in after


@TARGETS
@BEGIN
def test_one_setting_changes_only_its_own_line(name, begin):
    text, knobs = beginning(name, begin), knobs_of(name)
    now = target(name).current(text, knobs)
    for knob in knobs:
        if knob.key in now:
            value = next(v for v in (at(knob, share) for share in (0.61, 0.2, 1)) if v != now[knob.key])
            before, after = text.splitlines(), target(name).edit(text, {knob.key: value}, knobs, why={})
            differing = [pair for pair in zip(before, after.splitlines(), strict=True) if pair[0] != pair[1]]
            assert len(differing) == 1, knob.key


@COMMENTED
@BEGIN
def test_each_new_value_says_where_it_came_from(name, begin):
    text, knobs = beginning(name, begin), knobs_of(name)
    wanted = moved(knobs, 0.37)
    after = target(name).edit(text, wanted, knobs, why={key: f"reason of {key}" for key in wanted})
    for key in wanted:
        assert len([line for line in after.splitlines() if line.endswith(f": reason of {key}")]) == 1


@COMMENTED
@BEGIN
def test_comments_do_not_pile_up(name, begin):
    text, knobs = beginning(name, begin), knobs_of(name)
    first, second = moved(knobs, 0.37), moved(knobs, 0.72)
    once = target(name).edit(text, first, knobs, why=dict.fromkeys(first, "first"))
    twice = target(name).edit(once, second, knobs, why=dict.fromkeys(second, "second"))
    assert len(OURS.findall(twice)) == len(OURS.findall(once)) == len(knobs)
    assert not re.search(": first$", twice, re.MULTILINE)
    bare = target(name).edit(twice, first, knobs, why={})
    assert not OURS.search(bare)
    assert bare == target(name).edit(text, first, knobs, why={})


@TARGETS
@pytest.mark.parametrize(
    "why",
    [
        "two\nlines: 1",
        "back\\",
        "a\rb",
        "next\x85line",
        "sep\u2028arated",
        "nul\x00",
        "é → 漢 \ud800",
        " \n ",
    ],
)
def test_a_reason_cannot_become_configuration(name, why):
    text, knobs = sample(name), knobs_of(name)
    wanted = moved(knobs, 0.37)
    after = target(name).edit(text, wanted, knobs, why=dict.fromkeys(wanted, why))
    assert target(name).current(after, knobs) == wanted
    plain = target(name).edit(text, wanted, knobs, why={})
    assert [line for line in after.split("\n") if not OURS.search(line)] == plain.split("\n")
    encode(target(name), after)


@TARGETS
@settings(max_examples=25)
@given(data=st.data())
def test_any_values_within_bounds_come_back(name, data):
    knobs = knobs_of(name)
    chosen = data.draw(st.lists(st.sampled_from(knobs), unique=True, min_size=1, max_size=6))
    wanted = {k.key: data.draw(within(k), label=k.key) for k in chosen}
    text = data.draw(st.sampled_from([sample(name), target(name).blank(knobs)]))
    now = target(name).current(text, knobs)
    after = target(name).edit(text, wanted, knobs, why=dict.fromkeys(wanted, data.draw(st.text())))
    held = target(name).current(after, knobs)
    assert held.items() >= {**now, **wanted}.items()
    # A part that is refused unless it is whole is begun with the format's own defaults.
    assert all(key in {**now, **wanted} or _above(key) not in map(_above, now) for key in held)


def _above(key: str) -> str:
    return key.rpartition(".")[0]


@TARGETS
def test_off_is_written_and_read_back(name):
    knobs = knobs_of(name)
    off = {knob.key: knob.off for knob in knobs if knob.off is not None}
    after = target(name).edit(sample(name), off, knobs, why={})
    assert {key: target(name).current(after, knobs)[key] for key in off} == off


PLANTED = {  # by the first of a target's systems: how a further setting of it is spelled, and its unit
    "lab": ("cache.entries.high", "entries"),
    "envoy": ("clusters[payments].common_lb_config.healthy_panic_threshold.value", "%"),
    "grpc": ("maxRequestMessageBytes", "bytes"),
    "kubernetes": ("Deployment.minReadySeconds", "s"),
    "istio_rate_limit": ("token_bucket.planted", "requests"),
    "istio": ("DestinationRule.trafficPolicy.outlierDetection.minHealthPercent", "%"),
    "hikari": ("initializationFailTimeout", "ms"),
    "jvm": ("TieredStopAtLevel", "level"),
    "go": ("GODEBUGLEVEL", "level"),
    "go_http": ("http.server.maxConcurrentStreams", "streams"),
    "sqlalchemy": ("query_cache_size", "queries"),
    "gunicorn": ("limit_request_fields", "fields"),
    "tomcat": ("server.tomcat.processor-cache", "processors"),
    "threadpool": ("awaitTermination", "s"),
    "uvicorn": ("ws-max-queue", "messages"),
    "kafka_consumer": ("metadata.max.age.ms", "ms"),
    "kafka_producer": ("metadata.max.idle.ms", "ms"),
    "nginx": ("location.client_body_timeout", "s"),
    "haproxy": ("backend.timeout.tunnel", "ms"),
    "pgbouncer": ("tcp_keepcnt", "probes"),
    "postgresql": ("temp_file_limit", "kB"),
    "rabbitmq": ("num_acceptors.tcp", "processes"),
    "redisson": ("subscriptionTimeout", "ms"),
    "spring_rabbit": ("spring.rabbitmq.listener.simple.consumer-batch-size", "messages"),
    "redis": ("slowlog-max-len", "entries"),
}


@TARGETS
@BEGIN
def test_a_new_knob_edits_no_target(name, begin):
    spelled, unit = PLANTED[[*target(name).SYSTEMS, "lab"][0]]
    service = knobs_of(name)[-1].service
    planted = Knob(service, spelled, unit, 1, 100, "planted by a test", whole=True)
    knobs = [*knobs_of(name), planted]
    before = target(name).current(beginning(name, begin), knobs)
    after = target(name).edit(
        beginning(name, begin), {planted.key: 42}, knobs, why={planted.key: "it was planted"}
    )
    assert target(name).current(after, knobs) == {**before, planted.key: 42}
    assert letters(spelled.split(".")[-1]) in letters(after)
    assert after.count(f"# workbench {planted.key}: it was planted") == (name not in BARE)


@TARGETS
def test_a_value_out_of_bounds_is_refused(name):
    knobs = knobs_of(name)
    number = next(knob for knob in knobs if not knob.choices)
    with pytest.raises(SettingError, match="Choose a value inside the bounds"):
        target(name).edit(sample(name), {number.key: number.high + 1}, knobs, why={})
    for knob in knobs:
        if knob.choices:
            with pytest.raises(SettingError, match="expected one of"):
                target(name).edit(sample(name), {knob.key: "a word of no system"}, knobs, why={})


@TARGETS
def test_an_unknown_key_is_refused_with_near_ones(name):
    knobs = knobs_of(name)
    with pytest.raises(SettingError, match=re.escape(knobs[0].key)):
        target(name).edit(sample(name), {knobs[0].key[:-1]: 1}, knobs, why={})


@pytest.mark.parametrize("name", sorted(set(targets()) - ENCODED))
def test_a_value_that_is_no_number_is_named_with_its_line(name):
    knobs = knobs_of(name)
    now = target(name).current(sample(name), knobs)
    knob = next(k for k in knobs if k.key in now and k.whole and k.low <= 6 <= k.high)
    before = target(name).edit(sample(name), {knob.key: knob.high}, knobs, why={}).split("\n")
    lines = target(name).edit(sample(name), {knob.key: 6}, knobs, why={}).split("\n")
    line = next(i for i, one in enumerate(lines) if one != before[i])
    word = '"many"' if name in QUOTING else "many"
    lines[line] = re.sub(r"(?<![\d.])6(?![\d.])", word, lines[line], count=1)
    with pytest.raises(TargetError, match=r"'many.*'; expected") as error:
        target(name).current("\n".join(lines), knobs, where="it.conf")
    assert error.value.where == f"it.conf:{line + 1}, {knob.key}"


@TARGETS
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_edited_rightly_or_refused(name, data):
    text, knobs = sample(name), knobs_of(name)
    cut = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 40))
    put = data.draw(st.text(alphabet="{}[]:,#&*!|>'\"%@`-\\\n\r\t ab1\x00", max_size=6))
    wanted = moved([k for k in knobs if k.service == knobs[-1].service], 0.37)
    try:
        after = target(name).edit(text[:cut] + put + text[cut + gone :], wanted, knobs, why={})
        now = target(name).current(after, knobs)
    except TargetError:
        return
    assert {key: now[key] for key in wanted} == wanted


@TARGETS
def test_files_go_to_text_and_back_byte_for_byte(name, tmp_path):
    comment = b"" if name in BARE else b"# \xc3\xa9\r\n"
    raw = beginning(name, "windows").encode(target(name).ENCODING) + b"\r\n" + comment
    path = tmp_path / "it"
    path.write_bytes(raw)
    text = read(target(name), path)
    assert encode(target(name), target(name).edit(text, {}, knobs_of(name), why={})) == raw


@TARGETS
def test_a_file_that_cannot_be_read_is_named(name, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(TargetError, match="cannot be read") as error:
            read(target(name), path)
        assert error.value.where == str(path)


def test_bytes_that_are_no_utf_8_are_placed(tmp_path):
    (tmp_path / "lab.yaml").write_bytes(b"a: \xff")
    with pytest.raises(TargetError, match="byte 3 is not utf-8"):
        read(target("lab_yaml"), tmp_path / "lab.yaml")


def test_an_unknown_target_names_near_ones():
    with pytest.raises(TargetError, match=r"no target 'istoi'; expected one of \['istio'\]"):
        target("istoi")
