"""What a recording shows of itself in a notebook. viz draws it, and is looked up by name when it is asked: model/ does
not import it."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from headlens.model.errors import HeadlensError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from headlens.viz.notebook.widget import ExplorerWidget

MISSING = 'To see a recording in a notebook, install what draws it: pip install -e ".[notebook]"'


class Displayed:
    """The explorer and the figures of a recording."""

    def explore(
        self, layer: int | None = None, head: int | None = None, query: int | None = None, **view: object
    ) -> "ExplorerWidget":
        """The linked views of the pages as a widget: its `view` can be read, set and observed.

        Args:
            layer: from 0; None: where the pages start.
            head: as layer.
            query: the token that looks, as layer.
            view: other fields of `headlens.viz.view.view.View`: direction="by", scope="layer", matrix=True, …;
                queries=[3, 4, 5] for the mean of several tokens, heads=[(2, 1), (3, 0)] for that of several heads

        Raises HeadlensError where what draws is not installed, InputError for a view that the recording does not have.
        """
        fields = {"layer": layer, "head": head, "query": query, **view}
        return _drawing("widget").ExplorerWidget(self, fields)  # type: ignore[no-any-return]  # looked up by name

    def figure(
        self,
        kind: str,
        layer: int | None = None,
        head: int | None = None,
        query: int | None = None,
        *,
        theme: str = "light",
        **view: object,
    ) -> "go.Figure":
        """A plain Plotly figure.

        Args:
            kind: "heatmap" (every query and key of a head), "overlay" (of a photo), "strip" (of a text), "grid" (all
                heads) or "bars" (the strongest weights).
            layer, head, query, view: as `explore` takes them; a heatmap frames the query if there is one.
            theme: "light" or "dark".

        Raises HeadlensError where what draws is not installed, InputError for what the recording does not have.
        """
        fields = {"layer": layer, "head": head, "query": query, **view}
        return _drawing("figures").recording_figure(kind, self, fields, theme=theme)

    def _repr_mimebundle_(self, **options: object) -> object:
        """For IPython: the explorer, or the words alone where nothing is installed that draws it."""
        try:
            return self.explore()._repr_mimebundle_()
        except HeadlensError:
            return {"text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        """For IPython, before the above."""
        try:
            explorer = self.explore()
        except HeadlensError:
            raise NotImplementedError from None  # IPython goes on with the bundle
        explorer._ipython_display_()

    def _display_(self) -> object:
        """For marimo."""
        try:
            return self.explore()
        except HeadlensError:
            return repr(self)


def _drawing(name: str) -> ModuleType:
    """A module of headlens.viz.notebook. Raises HeadlensError where it, or what it needs, is not installed."""
    try:
        return import_module(f"headlens.viz.notebook.{name}")
    except ModuleNotFoundError as error:
        raise HeadlensError(MISSING) from error
