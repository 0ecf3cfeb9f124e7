"""The choice of an atlas on its page, and how the one that is shown was made."""

import streamlit as st

from headlens.model.errors import HeadlensError
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.pages.atlas.chosen import SHIPPED, START, Chosen, open_chosen, remember


def choose_atlas() -> Chosen | None:
    """Draw the choice, and give the atlas; None, where it says why, for one that cannot be opened."""
    own = st.query_params.get("atlas", "")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = knob(
            st.pills,
            "Atlas",
            "atlas",
            options=[*SHIPPED, *([own] if own and own not in SHIPPED else [])],
            start=START,
            page="atlas",
            required=True,
            format_func=lambda each: SHIPPED.get(each) or plain(each[-40:]),
            help="Two small ones are shipped; your own is a folder that `headlens atlas build` made.",
        )
        with (
            st.popover("Your own atlas", help="Open a folder of this machine, made by headlens atlas build."),
            st.form("atlas_form", border=False),
        ):
            st.text_input(
                "Its folder on this machine",
                key="atlas_folder",
                placeholder="reviews-atlas",
                help="What --out named when it was built; only folders that models may be opened from are opened.",
            )
            st.form_submit_button("Open", on_click=_take_folder, help="Show this atlas.")
            st.code("headlens atlas build reviews.txt --model minilm-l6 --out reviews-atlas", language=None)
    try:
        chosen = open_chosen(name)
    except HeadlensError as error:
        show_error(error)
        st.caption("Nothing of it is shown. Choose another atlas above, or open another folder.")
        return None
    if not chosen.shipped:
        remember(name)
    return chosen


def _take_folder() -> None:
    if folder := st.session_state.atlas_folder.strip():
        st.query_params.from_dict({"atlas": folder})


def show_making(chosen: Chosen) -> None:
    """How it was made, folded."""
    atlas, model, source = chosen.atlas, chosen.model, chosen.source
    with st.expander("How this atlas was made"):
        st.text(f"Model: {model.get('title')}. Authors: {model.get('authors')}. Licence: {model.get('licence')}.")
        failed = len(atlas.failed())
        st.text(
            f"Data set: {source.get('name')}, {chosen.inputs_read}, each run once through the model"
            + (
                f"; {failed:,} could not be read or run, and {'is' if failed == 1 else 'are'} in failed.parquet with "
                "the reason."
                if failed
                else "."
            )
        )
        if chosen.shipped:
            st.markdown(
                {
                    "texts": "The sentences were put together at random, with a fixed seed, from words and patterns "
                    "written for this project (CC0): they show what heads do with words and marks, not how often "
                    "people write so.",
                    "photos": "The photos are the samples of the page *Image* (CC0 and public domain). Four are few: "
                    "spreads and means are of these alone.",
                }[chosen.kind]
                + " `make atlas` builds it again; `assets/atlas/SOURCES.md` has the sources."
            )
        st.markdown(
            "Every weight is softmax(q·kᵀ / √d) (Vaswani et al. 2017, equation 1). Of each head and input the scores "
            "of its roles are added up, the inputs that excite it most are kept, and the queries and keys of a few."
        )
