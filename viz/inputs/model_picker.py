"""Which model a page runs: one of the catalogue, a folder, or one of the Hugging Face Hub."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.device import pick_device
from headlens.model.errors import HeadlensError, InputError
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.runtime.folders import open_folder
from headlens.viz.pages import parts
from headlens.viz.pages.runtime import fetch, get_model, is_hub


def pick_model(
    page: str,
    kinds: tuple[str, ...],
    first: str,
    place: DeltaGenerator,
    message: DeltaGenerator,
    other: str | None = None,
) -> str:
    """Draw the picker, and give the name of the model that the page is to run; it is loaded.

    Args:
        place: of the picker, a button that opens it.
        message: place of what is to be said of a model.
        page: names the page's own part of the session and the picker's widgets.
        kinds: of models that the page can show.
        first: the model of an address that names none; it is also shown where another is refused.
        other: what is said of a model of another kind; None: which page is for it.
    """
    state = st.session_state
    own = [name for name, checkpoint in CATALOGUE.items() if checkpoint.kind in kinds]
    asked = st.query_params.get("model", first)
    name = asked
    with message:
        if (candidate := state.pop(f"{page}_model_candidate", None)) is not None:
            state[f"{page}_model_checked"] = candidate
        if (checked := state.get(f"{page}_model_checked")) is not None:
            _facts(page, checked, kinds, other)
        if not _loadable(page, asked, kinds, other):
            name = first
    _picker(page, own, name, place)
    return name


def _picker(page: str, own: list[str], name: str, place: DeltaGenerator) -> None:
    st.session_state[f"{page}_model"] = name
    with place.popover(
        f"Model: {parts.plain(_title(name))}", help="Take another of those in the box, or one of your own."
    ):
        st.selectbox(
            "Model",
            own if name in own else [*own, name],
            key=f"{page}_model",
            format_func=_title,
            on_change=_take_model,
            args=(page,),
            help=" · ".join(f"{CATALOGUE[each].title}: {CATALOGUE[each].good_for}" for each in own),
        )
        with st.form(f"{page}_model_form", border=False):
            st.text_input(
                "Your own: a folder or Hub id",
                key=f"{page}_model_typed",
                placeholder="models/mine, or organisation/name",
                help="A folder that save_pretrained wrote, with safetensors; or an id of the Hugging Face Hub.",
            )
            st.form_submit_button(
                "Check", on_click=_take_typed, args=(page,), help="See what it is and takes, before it is loaded."
            )


def _title(name: str) -> str:
    return CATALOGUE[name].title if name in CATALOGUE else name[-40:]


def _take_model(page: str) -> None:
    name = st.session_state[f"{page}_model"]
    st.query_params.from_dict(_address(name))
    st.session_state.pop(f"{page}_model_checked", None)


def _take_typed(page: str) -> None:
    if typed := st.session_state[f"{page}_model_typed"].strip():
        st.session_state[f"{page}_model_candidate"] = typed


def _address(name: str) -> dict[str, str]:
    """Another model: what was chosen of the last one's layers and heads goes, the input stays."""
    kept = parts.only("text", "text2", "sample", "own", "size", "tokens", "kind", "step")
    return {**kept, "model": name}


def _facts(page: str, name: str, kinds: tuple[str, ...], other: str | None) -> None:
    """What a model is and takes, with a button that loads it; or why it cannot be."""
    from headlens.model.huggingface.load.folder import read_facts  # transformers takes seconds to import

    try:
        folder = fetch(name, weights=False) if is_hub(name) else open_folder(name)
        facts = read_facts(folder, pick_device(), stored=not is_hub(name))
        if facts.kind not in kinds:
            where = {"text": "Text", "causal": "Text or Generate", "sequence": "Generate"}.get(facts.kind, "Image")
            raise InputError(other or f"This is a model for the page {where}; open it there.")
        facts.check_memory("It")
    except HeadlensError as error:
        st.session_state.pop(f"{page}_model_checked", None)
        st.error(parts.plain(str(error)))
        return
    with st.container(border=True):
        st.text(
            f"{name}: {facts.architecture}, {facts.parameters / 1e6:,.1f} million parameters, {facts.layers} layers × "
            f"{facts.heads} heads; takes {facts.needed / 1e9:.2f} GB of the {facts.free / 1e9:.1f} GB that are free; "
            f"licence: {facts.licence}."
        )
        with st.container(horizontal=True):
            st.button("Load it", type="primary", on_click=_load, args=(page, name), help="Run this model from now on.")
            st.button("Leave it", on_click=_leave, args=(page,), help="Keep the model that is shown.")


def _load(page: str, name: str) -> None:
    st.session_state.pop(f"{page}_model_checked", None)
    st.session_state.setdefault("models_allowed", set()).add(name)
    st.query_params.from_dict(_address(name))


def _leave(page: str) -> None:
    st.session_state.pop(f"{page}_model_checked", None)


def _loadable(page: str, name: str, kinds: tuple[str, ...], other: str | None) -> bool:
    """Whether the address' model is here to be run; else the page says why not."""
    if is_hub(name) and name not in st.session_state.get("models_allowed", set()):
        st.info("This link opens a model of the Hugging Face Hub; it is downloaded only when you ask for it.")
        _facts(page, name, kinds, other)
        return False
    try:
        kind = CATALOGUE[name].kind if name in CATALOGUE else get_model(name).description.kind
    except (HeadlensError, ValueError) as error:
        st.error(parts.plain(str(error)))
        return False
    if kind not in kinds:
        st.error(other or "The model of this link is for another page; this is the page's own.")
    return kind in kinds
