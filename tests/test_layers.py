"""The walls of the house, held by walking every import (also those inside functions).

    errors, _compiled < tables, settings < capture, network < {collectors, readers, analysis, knobs, targets}
           < {twin, consistency} < tuning < figures < {panels, report} < lab < cli

Left never imports right, nor its equal; siblings in a seam never import each other; each heavy or dangerous
library has the few folders that may import it; and no module needs, to load, one that needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.needs import ROOT

LAYERS = [
    {"errors", "_compiled"},
    {"tables", "settings", "policies", "presets"},
    {"capture", "network"},
    {"collectors", "readers", "analysis", "knobs", "targets"},
    {"twin", "consistency"},
    {"tuning"},
    {"figures"},
    {"panels", "report"},
    {"lab"},
    {"cli", "magics", "__main__", "__init__"},
]
SEAMS = [
    "presets",
    "collectors",
    "readers",
    "analysis",
    "knobs",
    "targets",
    "consistency",
    "figures",
    "panels",
]
SEAMS += ["twin.mechanisms"]
SHARED = {"figures.theme"}  # named in the design; all else that siblings share begins with an underscore

LIVE = {"collectors", "lab"}
ALLOWED = {
    "plotly": {"figures"},
    "ipywidgets": {"panels"},
    "anywidget": {"panels"},
    "IPython": {"panels", "magics", "__init__"},
    "numba": {"twin", "readers", "_compiled"},
    **dict.fromkeys(["socket", "socketserver", "ssl", "subprocess", "multiprocessing", "asyncio"], LIVE),
    **dict.fromkeys(["http.client", "http.server", "urllib.request", "urllib3"], LIVE),
    **dict.fromkeys(["aiohttp", "requests", "prometheus_api_client"], LIVE),
}


class Import(NamedTuple):
    """`importer` and `imported` are dotted names; those of the package begin with `workbench`."""

    importer: str
    imported: str
    line: int
    to_load: bool  # at module level, so that the importer cannot load without it


def test_the_package_keeps_its_walls():
    assert faults(ROOT / "workbench") == []


def test_every_seam_is_a_folder_of_the_package():
    assert [seam for seam in SEAMS if not (ROOT / "workbench" / seam.replace(".", "/")).is_dir()] == []


BREACHES = {
    "capture.py": [
        ("from workbench.readers import gclog", "capture never imports readers"),
        ("def f():\n    import workbench.twin", "capture never imports twin"),
        ("from . import network", "capture never imports network"),
        ("from workbench import read", "capture never imports the front of the package"),
        ("import workbench", "capture never imports the front of the package"),
    ],
    "readers/go.py": [
        ("from workbench.readers import jaeger", "readers.go never imports its sibling readers.jaeger"),
        ("from .jaeger import read", "readers.go never imports its sibling readers.jaeger"),
        ("from workbench.analysis.flow import rate", "readers never imports analysis"),
        ("import requests", "requests is not for readers"),
        ("def f():\n    from urllib.request import urlopen", "urllib.request is not for readers"),
        ("from urllib import request", "urllib.request is not for readers"),
    ],
    "twin/mechanisms/retry.py": [
        ("from workbench.twin.mechanisms.breaker import x", "its sibling twin.mechanisms.breaker"),
        ("from ..mechanisms import breaker", "its sibling twin.mechanisms.breaker"),
        ("from ...tuning import search", "twin never imports tuning"),
        ("import plotly.graph_objects as go", "plotly is not for twin"),
    ],
    "analysis/flow.py": [
        (
            "if True:\n    try:\n        from numba import njit\n    except ImportError: pass",
            "numba is not for analysis",
        ),
        ("class A:\n    import subprocess", "subprocess is not for analysis"),
    ],
    "figures/latency.py": [
        ("import ipywidgets", "ipywidgets is not for figures"),
        ("from workbench.panels import tuning", "figures never imports panels"),
    ],
    "panels/tuning.py": [("from plotly import graph_objects", "plotly is not for panels")],
    "lab/shop.py": [("from workbench import cli", "lab never imports cli")],
    "oddments/x.py": [("x = 1", "oddments has no layer")],
}


@pytest.mark.parametrize(
    ("file", "source", "fault"), [(file, *breach) for file, all_ in BREACHES.items() for breach in all_]
)
def test_each_breach_is_seen(tmp_path, file, source, fault):
    found = faults(house(tmp_path, {file: source}))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("capture.py", "from workbench import tables\nfrom workbench.errors import Malformed\nimport json"),
        (
            "readers/go.py",
            "from workbench.readers._lines import lines\nfrom . import _lines\nimport urllib.parse",
        ),
        ("readers/__init__.py", "from workbench.readers import go, jaeger"),
        (
            "figures/latency.py",
            "from workbench.figures.theme import layout\nimport plotly.graph_objects as go",
        ),
        ("twin/mechanisms/retry.py", "from workbench.twin import kernel\nfrom numba import njit"),
        ("twin/kernel.py", "from workbench.twin.mechanisms import retry, breaker"),
        ("collectors/prom.py", "import asyncio, socket, requests"),
        ("cli.py", "import workbench\nfrom workbench import lab, read"),
        ("__init__.py", "def f():\n    from workbench.lab import shop\n    import IPython"),
    ],
)
def test_what_the_rules_allow_is_no_breach(tmp_path, file, source):
    assert faults(house(tmp_path, {file: source})) == []


def test_a_cycle_of_modules_is_seen_and_a_late_import_breaks_it(tmp_path):
    early = {"twin/a.py": "from workbench.twin import b", "twin/b.py": "from workbench.twin.a import x"}
    late = early | {"twin/b.py": "def f():\n    from workbench.twin.a import x"}
    typed = early | {"twin/b.py": "if TYPE_CHECKING:\n    from workbench.twin.a import x"}
    assert faults(house(tmp_path / "early", early)) == [
        "cycle: workbench.twin.a → workbench.twin.b → workbench.twin.a"
    ]
    assert faults(house(tmp_path / "late", late)) == []
    assert faults(house(tmp_path / "typed", typed)) == []


def test_a_package_that_loads_a_module_that_needs_the_package_is_a_cycle(tmp_path):
    files = {
        "twin/__init__.py": "from workbench.twin.a import x",
        "twin/a.py": "from workbench.twin import y",
    }
    assert faults(house(tmp_path, files)) == ["cycle: workbench.twin → workbench.twin.a → workbench.twin"]


def house(folder: Path, files: dict[str, str]) -> Path:
    """A package of empty modules in `folder`, with `files` in it."""
    plain = ["errors", "tables", "settings", "capture", "network", "cli"]
    plain += [
        "readers/go",
        "readers/jaeger",
        "readers/_lines",
        "analysis/flow",
        "figures/theme",
        "figures/latency",
    ]
    plain += ["panels/tuning", "tuning/search", "lab/shop", "collectors/prom", "knobs/shop", "targets/istio"]
    plain += ["twin/kernel", "twin/mechanisms/retry", "twin/mechanisms/breaker"]
    for file, source in ({f"{name}.py": "" for name in plain} | files).items():
        path = folder / "workbench" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    for path in [folder / "workbench", *(folder / "workbench").rglob("*")]:
        if path.is_dir():
            (path / "__init__.py").touch()
    return folder / "workbench"


def faults(package: Path) -> list[str]:
    """Each breach of the rules in `package`, with its file and line."""
    modules = {_module(path, package): path for path in sorted(package.rglob("*.py"))}
    imports = [one for name, path in modules.items() for one in imports_of(name, path, set(modules))]
    found = [
        f"{unit} has no layer" for unit in sorted({_unit(name) for name in modules}) if unit not in _RANK
    ]
    for one in imports:
        fault = _wall(one) or _sibling(one) or _library(one)
        if fault:
            found.append(f"{modules[one.importer].relative_to(package.parent)}:{one.line}: {fault}")
    return found + _cycles(imports)


_RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}


def imports_of(module: str, path: Path, modules: set[str]) -> Iterator[Import]:
    """Every import in a file; `from a import b` is of `a.b` where that is a module of ours, else of `a`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, to_load in _statements(ast.parse(path.read_text(encoding="utf-8")), to_load=True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, to_load)
        else:
            source = node.module or ""
            if node.level:
                base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level])
                source = f"{base}.{source}" if source else base
            for alias in node.names:
                full = f"{source}.{alias.name}"
                ours = source.split(".")[0] == "workbench"
                yield Import(module, full if full in modules or not ours else source, node.lineno, to_load)


def _statements(node: ast.AST, *, to_load: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, to_load
        else:
            late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(child)
            yield from _statements(child, to_load=to_load and not late)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _wall(one: Import) -> str | None:
    if not _is_ours(one.imported):
        return None
    left, right = _unit(one.importer), _unit(one.imported)
    if left == right or _RANK.get(left, 0) == len(LAYERS) - 1 or _RANK.get(right, 0) < _RANK.get(left, 0):
        return None
    return f"{left} never imports {'the front of the package' if right == '__init__' else right}"


def _sibling(one: Import) -> str | None:
    if not _is_ours(one.imported):
        return None
    importer, imported = (name.partition(".")[2] for name in (one.importer, one.imported))
    for seam in SEAMS:
        if importer.startswith(f"{seam}.") and imported.startswith(f"{seam}."):
            mine, other = (f"{seam}.{name[len(seam) + 1 :].split('.')[0]}" for name in (importer, imported))
            shared = other in SHARED or other.rpartition(".")[2].startswith("_")
            if mine != other and not shared:
                return f"{mine} never imports its sibling {other}"
    return None


def _library(one: Import) -> str | None:
    for library, allowed in ALLOWED.items():
        if f"{one.imported}.".startswith(f"{library}.") and _unit(one.importer) not in allowed:
            return f"{library} is not for {_unit(one.importer)}, only for {', '.join(sorted(allowed))}"
    return None


def _cycles(imports: list[Import]) -> list[str]:
    needs: dict[str, set[str]] = {}
    for one in imports:
        if one.to_load and _is_ours(one.imported):
            needs.setdefault(one.importer, set()).add(one.imported)
    found: dict[frozenset[str], list[str]] = {}
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            cycle = path[path.index(module) :]
            found.setdefault(frozenset(cycle), [*cycle, module])
        elif module not in done:
            for needed in sorted(needs.get(module, ())):
                walk(needed, [*path, module])
            done.add(module)

    for module in sorted(needs):
        walk(module, [])
    return [f"cycle: {' → '.join(cycle)}" for cycle in found.values()]


def _module(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _unit(module: str) -> str:
    """What stands in LAYERS: the module or folder right under the package."""
    return module.split(".")[1] if "." in module else "__init__"


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == "workbench"
