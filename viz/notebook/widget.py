"""The explorer as a widget of notebooks: Python is its server, and viz/explorer/js/notebook.js the other end."""

import base64
from collections.abc import Mapping
from pathlib import Path

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import bundle, payload
from headlens.viz.export.figures import saved_figure
from headlens.viz.notebook.picture import MIME, Bundle, picture_bundle, picture_of
from headlens.viz.notebook.start import checked, entry_of, view_of
from headlens.viz.theme import THEMES, css_variables
from headlens.viz.view.address import read_view
from headlens.viz.view.bounds import bounds_of
from headlens.viz.view.view import View

EXPLORER = Path(bundle.__file__).parent
CSS = (EXPLORER / "explorer.css", Path(__file__).parent / "notebook.css")


class ExplorerWidget(anywidget.AnyWidget):
    """All linked views of a recording, in Jupyter, VS Code, Colab and marimo.

    `view` is what is pinned: it follows what is clicked, can be set, and can be observed as any trait.

    Args:
        recording: what to show.
        fields: of the View, where they are not as the pages start.

    Raises InputError for a view that the recording does not have, here and when `view` is set.
    """

    _esm = bundle.bundle("notebook")
    _css = css_variables() + "".join(path.read_text(encoding="utf-8") for path in CSS)
    _html = traitlets.Unicode((EXPLORER / "explorer.html").read_text(encoding="utf-8")).tag(sync=True)
    _mark = traitlets.Unicode().tag(sync=True)  # of the static pictures that the explorer takes the place of
    _pinned = traitlets.Dict().tag(sync=True)  # the view that the explorer tells
    _wanted = traitlets.Dict().tag(sync=True)  # the picture that it wants to save
    payload = traitlets.Bytes().tag(sync=True)
    view = traitlets.Instance(View)

    def __init__(self, recording: Recording, fields: Mapping[str, object]) -> None:
        self.entry: RecordingEntry = entry_of(recording)
        self._kept = recording  # the entry goes with it
        self._has_picture = False
        super().__init__(view=view_of(self.entry.recording, fields))
        self._mark = str(self.model_id)
        self.on_msg(self._answer)

    @traitlets.validate("view")
    def _check(self, proposal: dict[str, object]) -> View:
        view = proposal["value"]
        assert isinstance(view, View)  # the trait has seen to it
        return checked(view, bounds_of(self.entry.recording))

    @traitlets.observe("view")
    def _show(self, change: dict[str, object]) -> None:
        # Whole each time, not without what was sent before: a second view of the widget, or a notebook that is opened
        # again, begins with whatever is here.
        self.payload = payload.build(self.entry, self.view, link="", full=True, hover=True)
        if self._has_picture:
            self._show_picture(update=True)

    @traitlets.observe("_pinned")
    def _take_view(self, change: dict[str, object]) -> None:
        pinned = read_view(self._pinned, self.view, bounds_of(self.entry.recording))
        if pinned == self.view:
            self.send_state("payload")  # the explorer waits for an answer
        else:
            self.view = pinned

    @traitlets.observe("_wanted")
    def _take_wanted(self, change: dict[str, object]) -> None:
        wanted = self._wanted
        theme = THEMES["dark" if wanted.get("theme") == "dark" else "light"]
        saved = saved_figure("notebook", self.entry, self.view, request=wanted, theme=theme)
        if saved is not None:
            self.send({"is": "saved", "saved": saved})

    def _answer(self, widget: object, message: object, buffers: list[bytes]) -> None:
        """The explorer needs plotly.js, which the kernel has: nothing comes from a network."""
        if isinstance(message, dict) and message.get("want") == "plotly":
            self.send({"is": "plotly"}, [bundle.PLOTLY.read_bytes()])

    def _repr_mimebundle_(self, **options: object) -> tuple[Bundle, Bundle] | None:
        """The widget, and its picture for where no widget can be."""
        live = super()._repr_mimebundle_()
        if live is None:
            return None
        picture = base64.b64encode(picture_of(self.entry, self.view)).decode()
        return {**live[0], MIME: picture, "text/plain": repr(self)}, live[1]

    def _ipython_display_(self) -> None:
        """The picture, and below it the explorer, which hides it.

        In one output they would not do: JupyterLab takes the widget of a notebook that is opened again for what it
        cannot show, and never looks at the picture beside it.
        """
        shell = get_ipython()
        if shell is None or not hasattr(shell, "kernel"):
            raise NotImplementedError  # a terminal: IPython goes on with the bundle
        live = super()._repr_mimebundle_()
        assert live is not None  # a widget that is not closed
        self._show_picture(update=False)
        self._has_picture = True
        display({**live[0], "text/plain": repr(self)}, metadata=live[1], raw=True)  # type: ignore[no-untyped-call]

    def _show_picture(self, *, update: bool) -> None:
        picture = picture_bundle(self.entry, self.view, self._mark)
        display(picture, raw=True, display_id=self._mark, update=update)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"ExplorerWidget({self.entry.recording!r}, {self.view!r})"
