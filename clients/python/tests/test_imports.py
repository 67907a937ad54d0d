"""The modules of the package import each other in one direction only."""

import ast
from pathlib import Path

import stopgate

FOLDER = Path(stopgate.__file__).parent
LAYERS = (
    "_clock", "errors", "signals", "_process", "_telemetry", "evaluation", "_limits", "_hash", "_http", "_outbox", "generation", "_calls", "_answers",
    "_outcome", "_bundle", "_local", "_decisions", "_probe_forms", "_session", "client", "aio", "reasoning", "_hf", "hf",
    "_rewards", "_evaluate", "training", "_harness", "lm_eval", "_turns", "rollout", "_trl_vllm", "_arms", "trl", "vllm_plugin/exchange", "vllm_plugin/trust", "vllm_plugin/counts", "vllm_plugin/golds", "vllm_plugin/outputs", "vllm_plugin/replies",
    "vllm_plugin/parameters", "vllm_plugin/seats", "vllm_plugin/shared", "vllm_plugin/request", "vllm_plugin/engine", "vllm_plugin/checks", "vllm_plugin/form_checks",
    "vllm_plugin/following", "vllm_plugin/call", "vllm_plugin/serving", "vllm_plugin/__init__",
    "grading/intervals", "grading/items", "grading/limited", "grading/graders", "grading/judge", "grading/journal", "grading/worker", "grading/audit",
    "grading/cli", "grading/__init__", "grading/__main__", "__init__",
)  # fmt: skip
"""The modules, lowest first. Each may import only those before it, so that there can be no circle."""


def imported_by(source: str, folder: str = "") -> list[str]:
    """Modules of the package that a module of it imports, also inside functions and under TYPE_CHECKING.

    Args:
        folder: of the module, with a slash behind it.
    """
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if folder and node.level == 1:
                found.append(folder + (node.module or "__init__"))
                continue
            if folder and node.level == 2:
                name = name[1:]
            if name in (".", "stopgate"):
                found += [alias.name if alias.name in LAYERS else "__init__" for alias in node.names]
            elif name.startswith((".", "stopgate.")):
                found.append(name.removeprefix("stopgate").removeprefix("."))
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found += [name[1] if len(name) > 1 else "__init__" for name in names if name[0] == "stopgate"]
    return found


def test_layers_list_all_modules() -> None:
    modules = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.py")]
    assert sorted(LAYERS) == sorted(modules)


def test_each_module_imports_only_lower_ones() -> None:
    higher = [
        f"{module} imports {name}"
        for place, module in enumerate(LAYERS)
        for name in imported_by((FOLDER / f"{module}.py").read_text(), module[: module.rfind("/") + 1])
        if name not in LAYERS[:place]
    ]
    assert higher == []


def test_imports_for_types_and_inside_functions_count() -> None:
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from ._session import Session
def later():
    from . import aio, Client
    import stopgate.client
    from stopgate.generation import Probe
"""
    assert sorted(imported_by(source)) == ["__init__", "_session", "aio", "client", "generation"]
    source = "from .outputs import Folded\nfrom ..aio import AsyncClient"
    assert imported_by(source, "vllm_plugin/") == ["vllm_plugin/outputs", "aio"]
