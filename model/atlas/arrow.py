"""The library for parquet files, imported when it is asked for."""

from importlib import import_module
from types import ModuleType

from headlens.model.errors import InputError


def pyarrow() -> ModuleType:
    """Raises InputError where it is not installed."""
    return _imported("pyarrow")


def pyarrow_parquet() -> ModuleType:
    """Its part for parquet files. Raises InputError where it is not installed."""
    return _imported("pyarrow.parquet")


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        raise InputError('Parquet files need pyarrow, which is not installed; run pip install -e ".[atlas]".') from None
