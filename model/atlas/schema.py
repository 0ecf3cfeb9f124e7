"""The columns of an atlas's tables, and their types: what each means stands in the README of this package."""

from typing import TYPE_CHECKING

from headlens.model.atlas.arrow import pyarrow

if TYPE_CHECKING:
    import pyarrow as arrow

VERSION = 3  # of all that follows
MANIFEST = "atlas.json"
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
HEAD = {"layer": "int32", "head": "int32"}
TABLES: dict[str, dict[str, str]] = {
    "heads": {
        **HEAD,
        "measure": "string",
        "count": "int64",
        "enough": "int64",
        "mean": "float64",
        "std": "float64",
        **dict.fromkeys(QUANTILES, "float64"),
    },
    "histograms": {**HEAD, "measure": "string", "lower": "float64", "upper": "float64", "count": "int64"},
    "examples": {
        **HEAD,
        "criterion": "string",
        "rank": "int32",
        "input": "int64",
        "value": "float64",
        "query": "int32",
        "key": "int32",
        "weights": "list of float32",
    },
    "inputs": {
        "input": "int64",
        "id": "string",
        "texts": "list of string",
        "tokens": "list of string",
        "special": "list of bool",
        "rows": "int32",
        "columns": "int32",
        "picture": "binary",
    },
    "failed": {"input": "int64", "id": "string", "reason": "string"},
    "vectors": {**HEAD, "kind": "string", "input": "int64", "position": "int32", "vector": "list of float32"},
}
MISSING = {"rows", "columns", "picture"}  # columns that may say nothing: a text has none


def schema_of(table: str) -> "arrow.Schema":
    """With the version in its metadata. Raises InputError where pyarrow is not installed."""
    library = pyarrow()

    def kind(name: str) -> "arrow.DataType":
        inner = name.removeprefix("list of ")
        plain = library.type_for_alias(inner)
        return plain if inner == name else library.list_(plain)

    fields = [(column, kind(name)) for column, name in TABLES[table].items()]
    return library.schema(fields, metadata={"headlens.atlas.version": str(VERSION)})
