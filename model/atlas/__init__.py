"""What the heads of a model do over a data set: its README says how an atlas is built, stored and read."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headlens.model.atlas.atlas import Atlas, open_atlas

__all__ = ["Atlas", "open_atlas"]


def __getattr__(name: str) -> object:
    if name in __all__:  # not before it is asked for: pyarrow is large
        from headlens.model.atlas import atlas

        return getattr(atlas, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
