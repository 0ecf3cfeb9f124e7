"""The joint map of a head: its queries and keys as points, the closer the more weight."""

from functools import lru_cache

import numpy as np
import streamlit as st

from headlens.model.atlas.atlas import AtlasInput, Vectors
from headlens.model.atlas.joint_map import INSTALL, JointMap, Method, can_keep_neighbours, joint_map
from headlens.model.errors import InputError
from headlens.viz.figures.joint_map import Colouring, joint_figure
from headlens.viz.figures.labels import escape, token_text
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.atlas.examples import picture_colours
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.atlas import patch_of, token_kinds

METHODS: dict[Method, str] = {"pca": "PCA", "tsne": "t-SNE"}
COLOURINGS = {
    "texts": {"position": "position", "kind": "kind of token"},
    "photos": {"row": "row", "column": "column", "colour": "colour of the patch"},
}
AROUND = 6  # tokens of its sentence before and behind the one under the pointer
KEPT = 64  # maps
NO_PATCH = "rgb(128,128,128)"


def show_joint_map(chosen: Chosen, head: Head) -> None:
    """The map, what it is coloured by, and how true it is."""
    st.subheader("Its queries and keys in one map", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = knob(
            st.segmented_control,
            "Laid out by",
            "map",
            options=list(METHODS),
            start="pca",
            page="atlas",
            required=True,
            format_func=METHODS.__getitem__,
            help="PCA: the plane in which the points spread most, at once. t-SNE: keeps neighbours together, takes a "
            "few seconds, and distances between groups mean nothing.",
        )
        names = COLOURINGS[chosen.kind]
        coloured = knob(
            st.segmented_control,
            "Coloured by",
            "colour",
            options=list(names),
            start=next(iter(names)),
            page="atlas",
            required=True,
            format_func=names.__getitem__,
            help="Circles are queries, diamonds keys; both have the colour of their token or patch.",
        )
    if method == "tsne" and not can_keep_neighbours():
        st.info(INSTALL)
        method = "pca"
    try:
        with st.spinner("Laying out the points …", show_time=False):
            vectors = chosen.vectors(*head)
            found = _map(_Of(vectors), chosen.model.get("kind") == "causal", method)
    except InputError as error:
        show_error(error)
        return
    inputs = {int(number): chosen.atlas.input(int(number)) for number in np.unique(vectors.input)}
    hover = [_hover(inputs[int(number)], int(at)) for number, at in zip(vectors.input, vectors.position)]
    figure = joint_figure(
        {"query": found.query, "key": found.key},
        hover,
        _colouring(coloured, names[coloured], vectors, inputs),
        theme=current_theme(),
    )
    with st.container(key="atlas_joint"):
        draw_figure(figure, f"{len(hover)} queries and {len(hover)} keys of the head as points.")
    st.markdown(
        f"{len(hover):,} queries and as many keys of {len(inputs):,} inputs. Rank correlation (Spearman) of distance "
        f"and weight over the pairs of one input: **{found.in_space:.2f}** in the space of the head, "
        f"**{found.in_plane:.2f}** in this plane; −1 would be: what is closer always gets more. "
        f"(Without shift and scale: {found.before:.2f}.)".replace("**-", "**−").replace(": -", ": −")
    )
    st.caption(
        "Keys are shifted, queries multiplied and keys divided by one number, which changes no weight, so that "
        f"distance falls with the weight (here by {found.scale:.2f}). Source: Yeh et al. 2023, *AttentionViz*. What a "
        "model adds to q·k, such as a bias by distance, is not in it."
    )


class _Of:
    """Vectors by what they are, for the maps that are kept: those of one head are one object."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Of) and self.vectors is other.vectors

    def __hash__(self) -> int:
        return id(self.vectors)


@lru_cache(KEPT)
def _map(of: _Of, causal: bool, method: Method) -> JointMap:
    return joint_map(of.vectors, causal=causal, method=method)


def _hover(found: AtlasInput, position: int) -> str:
    patch = patch_of(found, position)
    if patch is not None:
        return f"the patch in row {patch[0]}, column {patch[1]}<br>{escape(found.id)}"
    first, last = max(0, position - AROUND), min(len(found.tokens), position + AROUND + 1)
    if found.grid is not None:
        first, last = position, position + 1
    words = [token_text(token) for token in found.tokens[first:last]]
    words[position - first] = f"<b>{words[position - first]}</b>"
    return " ".join(words) + f"<br>position {position}, {escape(found.id)}"


def _colouring(by: str, title: str, vectors: Vectors, inputs: dict[int, AtlasInput]) -> Colouring:
    places = [(int(number), int(at)) for number, at in zip(vectors.input, vectors.position)]
    if by == "kind":
        kinds = {number: token_kinds(found) for number, found in inputs.items()}
        return Colouring(title, [kinds[number][at] for number, at in places])
    if by == "position":
        return Colouring(title, [float(at) for _, at in places])
    patches = [patch_of(inputs[number], at) for number, at in places]
    if by == "colour":
        colours = {number: picture_colours(found) for number, found in inputs.items()}
        own = []
        for (number, _), patch in zip(places, patches):
            of, grid = colours[number], inputs[number].grid
            own.append(NO_PATCH if patch is None or of is None or grid is None else of[patch[0] * grid[1] + patch[1]])
        return Colouring(title, own, own=True)
    axis = 0 if by == "row" else 1
    return Colouring(title, [-1.0 if patch is None else float(patch[axis]) for patch in patches])
