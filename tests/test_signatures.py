"""Public functions, methods and attributes say what they take and give: none says Any."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_imports import SHIPPED, module_name, tree_of


def mentions_any(annotation: ast.expr | None) -> bool:
    """Whether an annotation has Any in it, also as a string."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).split(".")[-1] == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        return mentions_any(annotation.slice.elts[0])  # what follows is about it: the help of an option
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if mentions_any(ast.parse(node.value, mode="eval").body):
                return True
        elif "Any" in (getattr(node, "id", ""), getattr(node, "attr", "")):
            return True
    return False


def is_public(name: str) -> bool:
    """What is called from elsewhere; of the names with two underscores those that take what a caller gives."""
    return not name.startswith("_") or name in {"__init__", "__call__"}


def public_any(body: list[ast.stmt], above: str) -> Iterator[str]:
    """The names of public functions, methods and attributes whose annotations mention Any."""
    for node in body:
        if isinstance(node, ast.If):
            yield from public_any([*node.body, *node.orelse], above)
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from public_any(node.body, f"{above}.{node.name}")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_public(node.target.id):
            if mentions_any(node.annotation):
                yield f"{above}.{node.target.id}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(node.name):
            arguments = node.args
            several = [arguments.vararg, arguments.kwarg]
            taken = [
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                *(each for each in several if each),
            ]
            if any(mentions_any(each) for each in [node.returns, *(argument.annotation for argument in taken)]):
                yield f"{above}.{node.name}"


def test_no_public_signature_says_any() -> None:
    found = {name for path in SHIPPED for name in public_any(tree_of(path).body, module_name(path))}
    assert found == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(a: Any) -> int: ...", ["m.f"]),
        ("def f(*, a: 'dict[str, Any]') -> int: ...", ["m.f"]),
        ("def f(**options: typing.Any) -> int: ...", ["m.f"]),
        ("def f() -> list[Any]: ...", ["m.f"]),
        ("def f(a: Annotated[Any, 'an option']): ...", ["m.f"]),
        ("def f(a: Annotated[int, 'Any number, or none.']): ...", []),
        ("class A:\n    a: Any\n    def f(self, a: int) -> Any: ...", ["m.A.a", "m.A.f"]),
        ("class A:\n    def __init__(self, a: Any) -> None: ...", ["m.A.__init__"]),
        ("class _A:\n    a: Any\ndef _f(a: Any) -> Any: ...", []),
        ("def f(a: object) -> int:\n    b: Any = a\n    return b", []),
    ],
)
def test_any_would_be_found(code: str, found: list[str]) -> None:
    assert list(public_any(ast.parse(code).body, "m")) == found
