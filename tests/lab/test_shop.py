import pytest

from workbench.errors import SettingError
from workbench.lab.shop import digest, flat, parse, read_settings

SMALL = """
seed: 3
services:
  front: {workers: 4, queue: 0, deadline_s: 1.5, calls: {back: {timeout_s: 0.5, attempts: 2}}}
  back: {workers: 2, queue: 8, limit: {rate_rps: 10, burst: 5}, work: {kind: cpu, mean_s: 0.02}}
"""


def test_the_shipped_settings_are_sound_and_enter_at_the_gateway():
    for name in ("healthy", "incident"):
        shop = parse(read_settings(name))
        assert shop.entry == "gateway"
        assert list(shop.services) == ["gateway", "orders", "payments"]


def test_every_knob_has_its_key_and_work_is_none():
    assert flat(parse(SMALL)) == {
        "front/workers": 4,
        "front/queue": 0,
        "front/limit.rate_rps": 0,
        "front/limit.burst": 20,
        "front/deadline_s": 1.5,
        "front/calls.back.timeout_s": 0.5,
        "front/calls.back.attempts": 2,
        "front/calls.back.backoff_s": 0,
        "front/calls.back.jitter": 0,
        "back/workers": 2,
        "back/queue": 8,
        "back/limit.rate_rps": 10,
        "back/limit.burst": 5,
        "back/deadline_s": 0,
    }


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed: 3", "seed: [", "not YAML"),
        ("seed: 3", "sed: 3", "unknown key 'sed'"),
        ("workers: 4", "workers: 0", "front.workers: 0; expected a number from 1"),
        ("workers: 4", "workers: 4.5", "front.workers: 4.5; expected a whole number"),
        ("workers: 4, ", "", "front.workers: None"),
        ("queue: 8", "queue: many", "back.queue: 'many'"),
        ("deadline_s: 1.5", "deadline_s: -1", "front.deadline_s: -1"),
        ("deadline_s: 1.5", "deadline_s: .nan", "front.deadline_s: nan"),
        ("deadline_s: 1.5", "deadline_s: true", "front.deadline_s: True"),
        ("{back:", "{side:", "a call to 'side'"),
        ("burst: 5}", "burst: 5}, calls: {front: {}}", "calls in a circle among ['back', 'front']"),
        (", calls: {back: {timeout_s: 0.5, attempts: 2}}", "", "services that no other calls"),
        ("kind: cpu", "kind: disk", "back.work.kind: 'disk'; expected wait or cpu"),
        ("attempts: 2", "attempts: 2, jitter: 1.5", "calls.back.jitter: 1.5; expected a number from 0 to 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(old, new, named):
    assert old in SMALL
    with pytest.raises(SettingError) as error:
        parse(SMALL.replace(old, new), where="shop.yaml")
    assert named in str(error.value)
    assert "shop.yaml" in str(error.value)


def test_a_settings_file_that_is_not_there_is_named():
    with pytest.raises(SettingError, match=r"nowhere\.yaml: cannot be read"):
        read_settings("nowhere.yaml")


def test_a_digest_tells_texts_apart():
    assert digest("a") != digest("b")
    assert digest("a") == digest("a")
