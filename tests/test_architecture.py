"""The rules of the architecture, read off the source."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "prompts")
STAGES = {
    *("tasks.generation", "tasks.verification", "tasks.metrics", "tasks.artifacts"),
    "tasks.announcing",
}
SANDBOX = ("tasks.sandbox",)
CORE = ("tasks.core",)
CORE_MAY_IMPORT = {"numpy", "scipy", "tasks"}
# A clock, the environment, randomness or files: core gets such values passed in.
NOT_IN_CORE = {
    *("time", "datetime", "os", "sys", "random", "secrets", "uuid", "pathlib", "io", "shutil"),
    *("tempfile", "subprocess", "socket", "logging", "asyncio", "threading", "importlib"),
}
LEVELS = {"core": 0, "sandbox": 1, "adapters": 2, "stages": 3, "flows": 4}
# Tests of what several modules do together.
WHOLE_FLOW = {
    *("test_cache_matrix", "test_faults", "test_kills", "test_library", "test_resume"),
    "test_throughput",
}
MOST_LINES = 300
MOST_FUNCTION_LINES = 50


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every imported module; `from a import b` counts as `a.b` where that is a module of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, ast.unparse(node)
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else str(node.module)


def is_below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def level(module: str) -> int:
    if is_below(module, ("flows",)):
        return LEVELS["flows"]
    if module in STAGES:
        return LEVELS["stages"]
    if is_below(module, CORE):
        return LEVELS["core"]
    if is_below(module, SANDBOX):
        return LEVELS["sandbox"]
    return LEVELS["adapters"]


def own_imports() -> Iterator[tuple[str, str]]:
    for module, tree in TREES.items():
        for imported in imports(tree):
            if is_below(imported, PACKAGES):
                yield module, imported


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 40
    assert set(SOURCES) >= STAGES


def test_imports_point_downward() -> None:
    upward = [pair for pair in own_imports() if level(pair[1]) > level(pair[0])]
    assert upward == []


def test_stages_never_import_each_other() -> None:
    assert [pair for pair in own_imports() if set(pair) <= STAGES] == []


def test_flows_are_imported_by_flows_only() -> None:
    outside = [
        (module, imported)
        for module, imported in own_imports()
        if is_below(imported, ("flows",)) and not is_below(module, ("flows",))
    ]
    assert outside == []


def test_every_own_import_exists() -> None:
    assert [pair for pair in own_imports() if pair[1] not in SOURCES] == []


def test_core_imports_the_standard_library_numpy_scipy_and_itself() -> None:
    foreign = [
        (module, imported)
        for module, tree in TREES.items()
        if is_below(module, CORE)
        for imported in imports(tree)
        if not (
            is_below(imported, CORE)
            or imported.partition(".")[0] in (sys.stdlib_module_names - NOT_IN_CORE)
            or imported.partition(".")[0] in CORE_MAY_IMPORT - {"tasks"}
        )
    ]
    assert foreign == []


def test_core_opens_no_files_and_draws_no_random_numbers() -> None:
    banned = {"open", "input", "print"}
    used = [
        (module, ast.unparse(node))
        for module, tree in TREES.items()
        if is_below(module, CORE)
        for node in ast.walk(tree)
        # A field may have such a name; what counts is where it is read.
        if (isinstance(node, ast.Name) and node.id in banned and isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Attribute) and ast.unparse(node).startswith("np.random"))
    ]
    assert used == []


def test_the_sandbox_knows_records_and_errors_only() -> None:
    allowed = ("tasks.sandbox", "tasks.core.records", "tasks.core.errors")
    foreign = [
        (module, imported)
        for module, imported in own_imports()
        if is_below(module, SANDBOX) and not is_below(imported, allowed)
    ]
    assert foreign == []


@pytest.mark.parametrize("framework", ["prefect", "openai", "h5py", "pandas", "pydantic", "flows"])
def test_neither_core_nor_sandbox_imports_a_framework(framework: str) -> None:
    inner = {name: tree for name, tree in TREES.items() if is_below(name, CORE + SANDBOX)}
    assert [
        n for n, tree in inner.items() if any(is_below(i, (framework,)) for i in imports(tree))
    ] == []


def test_every_init_file_is_a_docstring_and_nothing_else() -> None:
    for module, path in SOURCES.items():
        if path.name == "__init__.py":
            assert len(TREES[module].body) == 1, module
            assert ast.get_docstring(TREES[module]), module


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in SOURCES.values()}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_module_has_a_docstring() -> None:
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_the_environment_is_read_in_one_module() -> None:
    readers = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.alias) and node.name in {"environ", "getenv"})
    }
    # The sandbox's child sets what its program is to find there.
    assert readers == {"flows.config", "tasks.sandbox.child"}


def test_nothing_is_unpickled() -> None:
    banned = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    found = [
        (module, name)
        for module, tree in TREES.items()
        for name in imports(tree)
        if name.partition(".")[0] in banned
    ]
    assert found == []


def test_the_import_path_is_left_alone() -> None:
    edits = [
        (module, ast.unparse(node))
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
    ]
    assert edits == []


def test_no_file_is_named_like_another_module() -> None:
    """Prefect puts a script's folder first on the import path."""
    own = distribution("scicode-flows").name
    installed = {name for name, owners in packages_distributions().items() if owners != [own]}
    taken = set(sys.stdlib_module_names) | installed
    names = {path.stem for path in SOURCES.values()} - {"__init__", "__main__"}
    assert names & taken == set()


def test_no_module_is_named_for_nothing() -> None:
    names = {path.stem for path in SOURCES.values()}
    assert names & {"utils", "util", "helpers", "common", "misc"} == set()


def test_no_module_is_longer_than_allowed() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in SOURCES.items()}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_no_function_is_longer_than_allowed() -> None:
    long = [
        (module, node.name)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_no_class_would_be_collected_as_a_test() -> None:
    classes = [
        (module, node.name)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    assert classes == []


def test_every_ignore_names_its_code_and_its_reason() -> None:
    marker = re.compile(r"#\s*(noqa|type:\s*ignore|pyright:\s*ignore)(?P<rest>.*)")
    reasoned = re.compile(r"(: [A-Z]+[0-9]+|\[[A-Za-z, ]+\]).* [-–—] \S+")
    bare = [
        f"{module}, line {number}: {line.strip()}"
        for module, path in SOURCES.items()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := marker.search(line)) and not reasoned.match(found["rest"])
    ]
    assert bare == []


def test_the_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_test_file_mirrors_a_module() -> None:
    stray = [
        str(path.relative_to(ROOT))
        for package in ("flows", "tasks")
        for path in (ROOT / "tests" / package).rglob("test_*.py")
        if path.stem not in WHOLE_FLOW and not mirrored(path)
    ]
    assert stray == []


def mirrored(path: Path) -> bool:
    """Whether a test file is named for a module, a folder of modules, or one with a suffix."""
    folder = ROOT / path.parent.relative_to(ROOT / "tests")
    stem = path.stem.removeprefix("test_")
    names = {p.stem for p in folder.glob("*.py")} | {p.name for p in folder.iterdir() if p.is_dir()}
    return stem == folder.name or any(stem == n or stem.startswith(f"{n}_") for n in names)


@pytest.mark.parametrize("module", ["flows.cli", "flows.config", "flows.progress"])
def test_help_needs_no_framework(module: str) -> None:
    """A fresh interpreter, since this one has imported everything."""
    heavy = ("prefect", "openai", "h5py", "pandas", "numpy", "scipy", "fastapi", "uvicorn")
    source = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_packages_can_be_found() -> None:
    assert all(importlib.util.find_spec(package) for package in PACKAGES)
