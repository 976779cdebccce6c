"""Tests the layout of the code: every module has its test file, no folder is crowded, no function is long, and names mean one thing."""

import ast
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("compiler", "domain", "gateway", "lifecycle", "providers", "resolvers", "schema", "simulation", "store")
MAX_FILES = 28
MAX_FILES_IN_GATEWAY = 9
MAX_LINES_OF_A_FUNCTION = 60
# Vague words. Of a thousand lines of code, at most eight may contain one of them. No name may, except `known`, a field of the GraphQL contract.
VAGUE = re.compile(r"\b(told|asked|known|whoever)\b", re.IGNORECASE)
MAX_VAGUE_PER_THOUSAND = 8

# Modules without a test file. They only declare enums, dataclasses, errors or types, so they are tested together with the modules that use them.
DECLARATIONS = {
    "domain/act.py",
    "domain/event.py",
    "domain/webhook.py",
    "domain/guidance/english.py",
    "domain/guidance/french.py",
    "domain/guidance/german.py",
    "domain/guidance/italian.py",
    "domain/guidance/spanish.py",
    "providers/port.py",
    "providers/reports.py",
    "schema/costs.py",
    "schema/reasons.py",
    "schema/results.py",
    "schema/verification.py",
    "simulation/errors.py",
    "simulation/steps.py",
}
# Test files that don't have the name or the folder of their module: `test___main__.py` would be an odd name, and the folders `tests/domain` and
# `tests/store` would be crowded.
RENAMED = {
    "domain/delivery.py": "tests/domain/webhooks/test_delivery.py",
    "domain/instant.py": "tests/domain/instants/test_instant.py",
    "domain/query_budget.py": "tests/domain/queries/test_query_budget.py",
    "domain/query_schedule.py": "tests/domain/queries/test_query_schedule.py",
    "gateway/__main__.py": "tests/gateway/test_main.py",
    "store/index_repair.py": "tests/store/indexes/test_index_repair.py",
    "store/indexes.py": "tests/store/indexes/test_indexes.py",
}

FILES = [Path(line) for line in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()]
MODULES = [path for path in FILES if path.parts[0] in PACKAGES and path.suffix == ".py" and path.name != "__init__.py"]
CODE = [path for path in FILES if path.suffix == ".py" and (ROOT / path).exists()]


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


@pytest.mark.parametrize("module", [str(path) for path in MODULES if str(path) not in DECLARATIONS])
def test_a_module_has_its_test_file(module: str) -> None:
    path = Path(module)
    folder = ROOT / "tests" / path.parent

    named = [*folder.glob(f"test_{path.stem}.py"), *folder.glob(f"test_{path.stem}_*.py")]

    assert named or (ROOT / RENAMED.get(module, "missing")).exists(), f"{module} has no tests/{path.parent}/test_{path.stem}.py"


def test_no_folder_is_crowded() -> None:
    folders = Counter(path.parent for path in FILES)

    assert {str(folder): number for folder, number in folders.items() if number > MAX_FILES} == {}
    assert folders[Path("gateway")] <= MAX_FILES_IN_GATEWAY


def test_no_function_is_long() -> None:
    functions = [
        (f"{path}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert [name for name, lines in functions if lines > MAX_LINES_OF_A_FUNCTION] == []


def test_few_lines_contain_a_vague_word() -> None:
    lines = [line for path in CODE for line in (ROOT / path).read_text().splitlines()]

    assert sum(VAGUE.search(line) is not None for line in lines) <= len(lines) * MAX_VAGUE_PER_THOUSAND / 1000


def test_no_name_contains_a_vague_word() -> None:
    names = {
        name
        for path in CODE
        for node in ast.walk(parsed(path))
        for name in (getattr(node, "name", None), getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None))
        if isinstance(name, str)
    }

    assert {name for name in names if VAGUE.search(name.replace("_", " "))} <= {"known"}


def test_a_name_means_one_thing() -> None:
    """A module-level name may be defined in one module only, so that readers need not ask which one is meant.

    Exempt: a GraphQL type has the name of its domain class, and a command has the name of its function. The simulation imports no other package, so
    its names can't be confused with theirs.
    """
    defined: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        if path.parts[0] == "simulation" or str(path) == "gateway/__main__.py":
            continue
        for node in parsed(path).body:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []
            for name in [*names, *(target.id for target in targets if isinstance(target, ast.Name))]:
                defined[name].add("schema or domain" if path.parts[0] in ("schema", "domain", "resolvers") and name[0].isupper() else str(path))

    assert {name: sorted(places) for name, places in defined.items() if len(places) > 1 and name not in SHARED_NAMES} == {}


# Names that several modules may define, because they are conventions with the same meaning everywhere.
SHARED_NAMES = {"logger", "routes", "T", "T_contra", "Info"}
