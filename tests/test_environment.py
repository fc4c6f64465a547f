"""pyproject.toml, environment.yml and constraints.txt agree, and each dependency says why it is there."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tests.needs import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]
DEPENDENCIES = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
ENVIRONMENT = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_conda_and_pip_users_get_the_same_packages():
    assert conda_bounds() == bounds(DEPENDENCIES)


def test_conda_and_pip_users_need_the_same_python():
    python = next(line for line in ENVIRONMENT["dependencies"] if str(line).startswith("python>"))
    assert python == f"python{PROJECT['requires-python']}"


def test_conda_environment_installs_this_package_in_place():
    assert pip_section()[-1] == "-e ."


@pytest.mark.parametrize("pin", PINS)
def test_each_pin_is_one_exact_version_and_names_no_host(pin):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*( ; [a-z_]+ [<>=!]+ \"[^\"/]+\")?", pin)


def test_each_dependency_is_pinned_to_a_version_within_its_bounds():
    pinned = {canonicalize_name(pin.name): pin.specifier for pin in map(Requirement, PINS)}
    for dependency in map(Requirement, DEPENDENCIES):
        (exact,) = pinned[canonicalize_name(dependency.name)]
        assert dependency.specifier.contains(exact.version), f"{dependency} is pinned to {exact}"


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_each_dependency_says_why_it_is_there(dependency):
    assert re.search(rf'^ *"{re.escape(dependency)}", +# \w.+$', PYPROJECT, re.MULTILINE)


def conda_bounds() -> set[tuple[str, str]]:
    by_conda = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    named = [line for line in by_conda if line != "pip" and not line.startswith("python>")]
    return bounds(named + [line for line in pip_section() if line != "-e ."])


def pip_section() -> list[str]:
    return next(line["pip"] for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))


def bounds(lines: list[str]) -> set[tuple[str, str]]:
    return {(canonicalize_name(one.name), str(one.specifier)) for one in map(Requirement, lines)}
