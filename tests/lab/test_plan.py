import statistics
from itertools import pairwise

import pytest

from workbench.errors import LabError
from workbench.lab.plan import Plan, parse_bursts, parse_steps


def test_arrivals_are_poisson_at_each_steps_rate():
    plan = Plan(((600, 30), (600, 45)), seed=4)
    times = plan.arrivals()
    first = [t for t in times if t < 600]
    assert len(first) == pytest.approx(18_000, abs=3 * 18_000**0.5)
    assert len(times) - len(first) == pytest.approx(27_000, abs=3 * 27_000**0.5)
    gaps = [b - a for a, b in pairwise(first)]
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(1, abs=0.03)
    assert times == sorted(times)
    assert times[-1] < 1200


def test_a_seed_gives_the_same_arrivals_again_and_another_gives_others():
    steps = ((10, 50),)
    assert Plan(steps, seed=1).arrivals() == Plan(steps, seed=1).arrivals()
    assert Plan(steps, seed=1).arrivals() != Plan(steps, seed=2).arrivals()


def test_a_burst_comes_at_once_and_a_rate_of_0_sends_nothing():
    assert Plan(((10, 0),), bursts=((4, 3),)).arrivals() == [4, 4, 4]


def test_plans_are_read_as_people_write_them():
    assert parse_steps("60x30,90x45.5") == ((60, 30), (90, 45.5))
    assert parse_bursts(["20:100"]) == ((20, 100),)


@pytest.mark.parametrize("text", ["", "60", "60x", "x30", "60*30", "60x30,"])
def test_a_plan_that_makes_no_sense_is_refused(text):
    with pytest.raises(LabError, match="60x30"):
        parse_steps(text)


@pytest.mark.parametrize(
    ("steps", "bursts"),
    [
        ((), ()),
        (((10, 2001),), ()),
        (((10, -1),), ()),
        (((0, 10),), ()),
        (((3601, 1),), ()),
        (((9, 1),), ((10, 1),)),
    ],
)
def test_a_plan_out_of_bounds_is_refused(steps, bursts):
    with pytest.raises(LabError, match="plan"):
        Plan(steps, bursts)
