"""Which part may import which: the arrows of the map, read from the sources."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.paths import ROOT

SHIPPED = [path for folder in ("model", "viz") for path in sorted((ROOT / folder).rglob("*.py"))]
SHIPPED += sorted(ROOT.glob("*.py"))
ALL = SHIPPED + [path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts]
SCRIPTS = sorted((ROOT / "viz" / "explorer" / "js").rglob("*.js"))
PACKAGES = (  # each may import those above it, and none below
    "model.errors",
    "model.progress",
    "model.description",
    "model.device",
    "model.heap",
    "model.json_checks",
    "model.attention",
    "model.nn",
    "model.recording",
    "model.inputs",
    "model.protocol",
    "model.base",
    "model.readers",
    "model.analysis",
    "model.comparison",
    "model.huggingface",
    "model.pretrained",
    "model.trace",
    "model.effects",
    "model.load",
    "model.atlas",
    "model",
    "model.runtime",
    "viz.theme",
    "viz.view",
    "viz.figures",
    "viz.pages.runtime",
    "viz.export",
    "viz.explorer",
    "viz.server",
    "viz.notebook",
    "viz.export.html",
    "viz.export.package",
    "viz.inputs",
    "viz.pages",
    "viz.start",
    "viz.cli",
    "app",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = ("headlens", *parts) if parts[0] in ("model", "viz") else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_imported(node: ast.AST, path: Path) -> Iterator[str]:
    """The dotted names that one import statement may bring: from a import b is a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = module_name(path).split(".")
        package = package if path.name == "__init__.py" else package[:-1]
        above = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def all_imports(path: Path) -> set[str]:
    """Of a file, those inside functions and under TYPE_CHECKING too."""
    return {name for node in ast.walk(tree_of(path)) for name in names_imported(node, path)}


@cache
def imports_on_import(path: Path, *, functions: bool = False) -> set[str]:
    """Of a file, those that run when it is imported; with functions, those too that run when one is called."""

    def walk(nodes: list[ast.stmt]) -> Iterator[str]:
        for node in nodes:
            yield from names_imported(node, path)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from walk(node.orelse)
            elif functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for inner in ("body", "orelse", "handlers", "finalbody"):
                    yield from walk(getattr(node, inner, []))
                yield from walk([statement for case in getattr(node, "cases", []) for statement in case.body])

    return set(walk(tree_of(path).body))


def own_modules(names: set[str], own: Mapping[str, Path]) -> set[str]:
    """The modules of ours that these names are of: of `a.b` and `a.b.name` the module `a.b`."""
    whole = {name for name in names if name in own}
    parents = {name.rpartition(".")[0] for name in names - whole}
    packages = {name.rpartition(".")[0] for name in whole}  # `from package import module` names both
    return (whole - packages) | (parents & own.keys())


@cache
def module_graph() -> dict[str, set[str]]:
    """The modules that each of ours imports when it runs, functions too; not what only type checkers read."""
    own = {module_name(path): path for path in SHIPPED}
    return {name: own_modules(imports_on_import(path, functions=True), own) - {name} for name, path in own.items()}


def cycle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def package_of(module: str) -> str:
    """headlens.model.nn.text is in model.nn; a module that stands in PACKAGES itself is a package of its own."""
    parts = module.removeprefix("headlens.").split(".")
    return ".".join(parts[:3] if ".".join(parts[:3]) in PACKAGES else parts[:2])


def script_imports(path: Path) -> set[Path]:
    """The scripts that one imports."""
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"""^(?:import|export)\b[^;"'()]*?["'](\.[^"']+)["']""", text, re.MULTILINE)
    return {(path.parent / name).resolve() for name in named}


def brought_in(names: set[str]) -> set[str]:
    """The names, and whatever importing our own modules among them imports."""
    ours = {module_name(path): path for path in SHIPPED}
    seen: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        parts = name.split(".")
        packages = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        for module in packages & ours.keys():
            waiting |= imports_on_import(ours[module]) - seen
    return seen


def tops(names: set[str]) -> set[str]:
    """The packages that the names are of; of ours the part: headlens.model."""
    parts = [name.split(".") for name in names]
    return {".".join(part[: 2 if part[0] == "headlens" else 1]) for part in parts}


def inside(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(ROOT / folder) for folder in folders)


@pytest.mark.parametrize("path", ALL, ids=module_name)
def test_every_module_has_one_name(path: Path) -> None:
    """`import model` from the top of a checkout would be a second copy of headlens.model."""
    assert not tops(all_imports(path)) & {"model", "viz", "assets"}


@pytest.mark.parametrize("path", [path for path in SHIPPED if inside(path, "model")], ids=module_name)
def test_model_knows_nothing_of_the_page(path: Path) -> None:
    names = all_imports(path)
    if inside(path, "model/recording/display.py"):  # it says what viz gives to those who ask, for type checkers alone
        names = imports_on_import(path, functions=True)
    assert not tops(names) & {"headlens.viz", "app", "streamlit", "plotly", "tests", "onnxruntime"}


def test_only_the_adapter_imports_transformers() -> None:
    """It takes seconds, and most who come need it not."""
    allowed = ("model/huggingface", "model/pretrained/smollm2.py")
    importing = {path for path in SHIPPED if "transformers" in tops(all_imports(path))}
    assert {path for path in importing if not inside(path, *allowed)} == set()


def test_figures_take_numpy_and_give_plotly() -> None:
    for path in (path for path in SHIPPED if inside(path, "viz/figures")):
        assert not tops(brought_in(all_imports(path))) & {"torch", "streamlit", "app"}, path


def test_only_the_page_imports_streamlit() -> None:
    allowed = (
        "app.py",
        "viz/start",
        "viz/server/asgi.py",
        "viz/cli/app.py",
        "viz/pages",
        "viz/inputs",
        "viz/explorer",
        "viz/export",
    )
    importing = {path for path in SHIPPED if "streamlit" in tops(all_imports(path))}
    assert {path for path in importing if not inside(path, *allowed)} == set()


def test_runtime_and_views_work_without_streamlit() -> None:
    """From a script, a notebook or a worker."""
    for path in (path for path in SHIPPED if inside(path, "model", "viz/view", "viz/figures", "viz/theme.py")):
        assert not tops(brought_in(all_imports(path))) & {"streamlit", "app"}, path


def test_every_package_is_in_the_order() -> None:
    packages = {package_of(module_name(path)) for path in SHIPPED} - {"headlens", "viz"}
    assert packages <= set(PACKAGES)


def test_packages_import_only_those_above_them() -> None:
    order = {package: position for position, package in enumerate(("headlens", "viz", *PACKAGES))}
    for module, imported in module_graph().items():
        below = {name for name in imported if order[package_of(name)] > order[package_of(module)]}
        assert below == set(), module


def test_the_network_of_the_papers_needs_attention_alone() -> None:
    for module, imported in module_graph().items():
        if package_of(module) == "model.nn":
            assert {package_of(name) for name in imported} <= {"model.nn", "model.attention", "model.progress"}, module


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert cycle_in(module_graph()) == []


def test_no_script_imports_itself_by_way_of_others() -> None:
    graph = {str(path): set(map(str, script_imports(path))) for path in SCRIPTS}
    assert set().union(*graph.values()) <= graph.keys()
    assert any(graph.values())
    assert cycle_in(graph) == []


def test_a_cycle_would_be_found() -> None:
    assert set(cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})) == {"a", "b", "c"}


def test_nothing_unpickles() -> None:
    """A pickle runs what its author wrote when it is read."""
    for path in ALL:
        pickles = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
        assert not tops(all_imports(path)) & pickles, path
        for call in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)):
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            if ast.unparse(call.func) == "torch.load":
                assert options.get("weights_only") == "True", path
            assert options.get("allow_pickle", "False") == "False", path


def test_this_reader_sees_every_kind_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "viz" / "figures" / "map.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import a.b as c\nfrom . import near\nfrom ..theme import colour\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import d\n"
        "try:\n    import e\nexcept ImportError:\n    import f\ndef later():\n    import g\n"
        "class Now:\n    import h\nmatch 1:\n    case 1:\n        import i\n"
    )
    at_once = {"a.b", "headlens.viz.figures.near", "headlens.viz.theme.colour", "e", "f", "h", "i"}
    assert at_once <= imports_on_import(file)
    assert not {"d", "g"} & imports_on_import(file)
    assert at_once | {"g"} <= imports_on_import(file, functions=True)
    assert "d" not in imports_on_import(file, functions=True)
    assert at_once | {"d", "g"} <= all_imports(file)
    own = {"headlens.viz.figures": file, "headlens.viz.figures.near": file, "headlens.viz.theme": file}
    assert own_modules(imports_on_import(file), own) == {"headlens.viz.figures.near", "headlens.viz.theme"}


def test_import_model_is_light() -> None:
    code = "import sys, headlens.model; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "headlens" in loaded.stdout.split()
    assert not {"torch", "onnx", "numpy", "PIL", "tokenizers"} & set(loaded.stdout.split())


@pytest.mark.slow
def test_torchs_compiler_is_never_imported() -> None:
    """It takes far longer to import than the models to load, and leaves a folder among the temporary files."""
    code = (
        "import sys; from headlens.model import load_model; load_model('minilm-l6').record('A cat.');"
        "load_model('dinov2-focus').record('assets/samples/coffee.jpg', 224); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "torch" in loaded.stdout.split()
    assert "torch._dynamo" not in loaded.stdout.split()


def test_the_pages_start_without_what_takes_seconds() -> None:
    slow = ("transformers", "scipy", "torch._inductor")
    code = f"import sys, headlens.viz.pages.menu; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
