"""The library for parquet files and for files elsewhere, imported when it is asked for."""

from importlib import import_module
from types import ModuleType

from headlens.model.errors import InputError


def pyarrow() -> ModuleType:
    """Raises InputError where it is not installed."""
    return _imported("pyarrow")


def pyarrow_parquet() -> ModuleType:
    """Its part for parquet files. Raises InputError where it is not installed."""
    return _imported("pyarrow.parquet")


def pyarrow_fs() -> ModuleType:
    """Its part for files elsewhere. Raises InputError where it is not installed."""
    return _imported("pyarrow.fs")


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        raise InputError('This needs pyarrow, which is not installed; run pip install -e ".[atlas]".') from None
