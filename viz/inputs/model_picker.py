"""Which model a page runs: one of the catalogue, a folder, or one of the Hugging Face Hub."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.device import pick_device
from headlens.model.errors import HeadlensError, InputError
from headlens.model.pretrained.registry import CATALOGUE, default_for
from headlens.model.runtime.folders import open_folder
from headlens.model.runtime.opening import downloads, is_hub
from headlens.viz.inputs.address import address_parts
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.pages.runtime import fetch, fetch_base, get_model

KINDS = {  # of models that each page runs
    "Text": ("text", "characters", "causal"),
    "Image": ("image", "image-text", "caption"),
    "Generate": ("causal", "sequence"),
    "Sound": ("sound",),
}
# Of an address, when another model is taken.
KEPT = (
    *("model", "text", "chat", "sample", "own", "size", "labels", "tokens", "kind", "step", "paint"),
    *("model2", "text2", "sample2", "own2", "paint2"),  # of the page Compare, for B
)


@dataclass(frozen=True)
class ModelPicker:
    """The models of one page.

    Args:
        page: names the page's own part of the session and the picker's widgets.
        kinds: of models that the page can show.
        refusal: what is said of a model of another kind; None: which page is for it.
        without: what is said where no model is chosen, of a page for whose kinds none is bundled.
        label: of the picker.
        parameter: of the address, where the model is named.
        otherwise: the model of an address that names none; None: the bundled one of these kinds.
        of: before what is said of a model, "A: " of two.
    """

    page: str
    kinds: tuple[str, ...]
    refusal: str | None = None
    without: str = ""
    label: str = "Model"
    parameter: str = "model"
    otherwise: str | None = None
    of: str = ""

    @property
    def default(self) -> str | None:
        """The model of an address that names none, also shown where another is refused; None where none is bundled."""
        if self.otherwise is not None:
            return self.otherwise
        try:
            return default_for(self.kinds).name
        except LookupError:
            return None

    def pick(self, slot: DeltaGenerator, message: DeltaGenerator) -> str:
        """Draw the picker, and give the name of the model that the page is to run; it is loaded.

        Where there is none, the page ends here, and says so.

        Args:
            slot: for the picker, a button that opens it.
            message: where it is said what a model is, or why it is refused.
        """
        state = st.session_state
        name = st.query_params.get(self.parameter, self.default)
        with message:
            if (candidate := state.pop(f"{self.page}_model_candidate", None)) is not None:
                state[f"{self.page}_model_checked"] = candidate
            if (checked := state.get(f"{self.page}_model_checked")) is not None:
                self._facts(checked)
            if name is None or not self._loadable(name):
                name = self.default
        self._draw(name, slot)
        if name is None:
            message.info(self.without)
            st.stop()
        return name

    def _draw(self, name: str | None, slot: DeltaGenerator) -> None:
        bundled = [each for each, checkpoint in CATALOGUE.items() if checkpoint.kind in self.kinds]
        st.session_state[f"{self.page}_model"] = name
        with slot.popover(
            self.label if name is None else f"{self.label}: {plain(_title(name))}",
            key=f"{self.page}_model_popover_{st.session_state.get(f'{self.page}_model_checks', 0)}",
            help="Choose another of the bundled models, or one of your own.",
        ):
            if name is not None:
                st.selectbox(
                    self.label,
                    [each for each in dict.fromkeys([*bundled, self.default, name]) if each is not None],
                    key=f"{self.page}_model",
                    format_func=_title,
                    on_change=self._take_model,
                    help=" · ".join(f"{CATALOGUE[each].title}: {CATALOGUE[each].good_for}" for each in bundled)
                    or "The model that is shown.",
                )
            with st.form(f"{self.page}_model_form", border=False):
                st.text_input(
                    "Your own: a folder or Hub id",
                    key=f"{self.page}_model_typed",
                    placeholder="models/mine, or organisation/name",
                    help="A folder that save_pretrained wrote, with safetensors, of a model or an adapter (LoRA, IA³); "
                    "or an id of the Hugging Face Hub.",
                )
                st.form_submit_button(
                    "Check", on_click=self._take_typed, help="See what it is and takes, before it is loaded."
                )

    def _facts(self, name: str) -> None:
        """What a model is and takes, with a button that loads it; or why it cannot be."""
        from headlens.model.huggingface.load.facts import read_facts  # transformers takes seconds to import

        try:
            folder = fetch(name, weights=False) if is_hub(name) else open_folder(name)
            facts = read_facts(folder, pick_device(), stored=not downloads(name), open_base=fetch_base)
            if facts.kind not in self.kinds:
                raise InputError(
                    self.refusal or f"This is a model for the page {_pages_for(facts.kind)}; open it there."
                )
            facts.check_memory("It")
        except HeadlensError as error:
            self._forget_checked()
            show_error(error, of=self.of)
            return
        with st.container(border=True):
            st.text(
                f"{facts.title(name)}: {facts.architecture}, {facts.parameters / 1e6:,.1f} million parameters, "
                f"{facts.layers} layers × {facts.heads} heads; takes {facts.needed / 1e9:.2f} GB of the "
                f"{facts.free / 1e9:.1f} GB that are free; licence: {facts.licence}."
            )
            with st.container(horizontal=True):
                st.button(
                    "Load it", type="primary", on_click=self._load, args=(name,), help="Run this model from now on."
                )
                st.button("Leave it", on_click=self._forget_checked, help="Keep the model that is shown.")

    def _loadable(self, name: str) -> bool:
        """Whether the address' model is here to be run; else the page says why not."""
        if _downloads(name) and name not in st.session_state.get("models_allowed", set()):
            st.info("This link opens a model of the Hugging Face Hub; it is downloaded only when you ask for it.")
            self._facts(name)
            return False
        try:
            kind = CATALOGUE[name].kind if name in CATALOGUE else get_model(name).description.kind
        except (HeadlensError, ValueError) as error:
            show_error(error, of=self.of)
            return False
        if kind not in self.kinds:
            instead = "." if self.default is None else "; this is the page's own."
            st.error(self.of + (self.refusal or f"The model of this link is for the page {_pages_for(kind)}{instead}"))
        return kind in self.kinds

    def _take_model(self) -> None:
        st.query_params.from_dict(self._address(st.session_state[f"{self.page}_model"]))
        self._forget_checked()

    def _take_typed(self) -> None:
        state = st.session_state
        if name := state[f"{self.page}_model_typed"].strip():
            state[f"{self.page}_model_candidate"] = name
            # Another key closes the popover, which would lie over what is said of the model.
            state[f"{self.page}_model_checks"] = state.get(f"{self.page}_model_checks", 0) + 1

    def _load(self, name: str) -> None:
        self._forget_checked()
        st.session_state.setdefault("models_allowed", set()).add(name)
        st.query_params.from_dict(self._address(name))

    def _address(self, name: str) -> dict[str, str]:
        """Another model: what was chosen of the last one's layers and heads goes, the input stays."""
        return {**address_parts(*KEPT), self.parameter: name}

    def _forget_checked(self) -> None:
        st.session_state.pop(f"{self.page}_model_checked", None)


def _downloads(name: str) -> bool:
    try:
        return downloads(name)
    except InputError:  # why it cannot be opened is said when it is
        return False


def _pages_for(kind: str) -> str:
    """Where a model of a kind is shown."""
    return " or ".join(page for page, kinds in KINDS.items() if kind in kinds)


def _title(name: str) -> str:
    return CATALOGUE[name].title if name in CATALOGUE else name[-40:]
