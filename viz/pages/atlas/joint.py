"""The joint map of a head: its queries and keys as points, the closer the more weight; one is pressed for its links."""

from functools import lru_cache

import streamlit as st

from headlens.model.atlas.atlas import AtlasInput
from headlens.model.atlas.joint_map import JointMap, Method, joint_map
from headlens.model.atlas.neighbours import INSTALL, can_keep_neighbours
from headlens.model.errors import HeadlensError
from headlens.model.runtime.queue import WorkQueue
from headlens.viz.explorer.element import joint
from headlens.viz.explorer.joint import JointInput, joint_payload
from headlens.viz.figures.joint_map import Colouring, draw_links, joint_figure
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.atlas.examples import picture_colours, small_picture
from headlens.viz.pages.atlas.links import Linked, choose_point, linked, show_links, take_press
from headlens.viz.pages.runtime import current_theme, stepping
from headlens.viz.view.atlas import counted, patch_of, token_kinds

METHODS: dict[Method, str] = {"pca": "PCA", "tsne": "t-SNE"}
COLOURINGS = {
    "texts": {"position": "position", "kind": "kind of token"},
    "photos": {"row": "row", "column": "column", "colour": "colour of the patch"},
}
KEPT = 64  # maps
LAYOUTS = WorkQueue(1)  # of their own: recordings need not wait minutes for one
NO_PATCH = "#808080"


def show_joint_map(chosen: Chosen, head: Head) -> None:
    """The map, what it is coloured by, the links of a point, and how true it is."""
    st.subheader("Its queries and keys in one map", anchor=False)
    try:
        if not len(chosen.vectors(head).query):
            st.info("This atlas keeps no queries and keys of its inputs, so there is no map of them.")
            return
    except HeadlensError as error:
        show_error(error)
        return
    method, coloured = _choose(chosen)  # in no fragment: what is pressed in one waits for the end of the run
    try:
        with st.container():  # what follows must not move, whatever stands in it
            found = _map(chosen, head, method)
        inputs = chosen.inputs_of(chosen.vectors(head))
    except HeadlensError as error:
        show_error(error)
        return
    _show(chosen, head, found, inputs, coloured)


@st.fragment
def _show(chosen: Chosen, head: Head, found: JointMap, inputs: dict[int, AtlasInput], coloured: str) -> None:
    """What is drawn again at each point that is pressed."""
    keep_address("atlas")
    vectors = chosen.vectors(head)
    links = linked(vectors, causal=chosen.is_causal)
    _draw(chosen, head, found, coloured=coloured, links=links)
    choose_point(vectors, inputs, links)
    if links is not None:
        show_links(vectors, inputs, links)
    st.markdown(
        f"{len(vectors.query):,} queries and as many keys of {counted(len(inputs), 'inputs')}. Rank correlation "
        f"(Spearman) of distance and weight over {found.compared:,} pairs of a query and a key of one input: "
        f"**{_signed(found.in_space)}** in the space of the head, **{_signed(found.in_plane)}** in this plane; −1 "
        f"would be: what is closer always gets more. (Without shift and scale: {_signed(found.before)}.)"
    )
    st.caption(
        "Keys are shifted, queries multiplied and keys divided by one number, which changes no weight, so that "
        f"distance falls with the weight (here by {found.scale:.2f}). Source: Yeh et al. 2023, *AttentionViz*. What a "
        "model adds to q·k, such as a bias by distance, is not in it."
    )


def _choose(chosen: Chosen) -> tuple[Method, str]:
    """Draw how the map is laid out and coloured."""
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
            help="PCA: the plane in which the points spread most, at once. t-SNE: keeps neighbours together, and "
            "distances between groups mean nothing; it takes seconds for a thousand points and minutes for 20,000. "
            "Choose PCA, or anything else, to leave it.",
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
    return method, coloured


def _draw(chosen: Chosen, head: Head, found: JointMap, *, coloured: str, links: Linked | None) -> None:
    vectors, theme = chosen.vectors(head), current_theme()
    inputs, places = chosen.inputs_of(vectors), list(zip(vectors.input.tolist(), vectors.position.tolist()))
    points = {"query": found.query, "key": found.key}
    colouring = _colouring(coloured, COLOURINGS[chosen.kind][coloured], places, inputs)
    figure = joint_figure(points, colouring, faded=links is not None, theme=theme)
    if links is not None:
        start, others = points[links.kind][links.at], [link.other for link in links.links]
        draw_links(figure, start, points[links.other_kind][others], [link.weight for link in links.links], theme)
    payload = joint_payload(
        figure,
        {number: _said(each) for number, each in inputs.items()},
        places,
        name=f"{chosen.atlas.folder} {head} {found.scale} {found.in_plane}",
        alt=f"{len(places):,} queries and {len(places):,} keys of the head as points.",
    )
    with st.container(key="atlas_joint"):
        joint("atlas_points", payload, on_point=take_press)
    st.caption(
        "Press a point for its links. In the menu of the figure the arrows pan, the magnifier zooms into a rectangle, "
        "and + and − zoom."
    )


def _signed(correlation: float) -> str:
    return f"{correlation:.2f}".replace("-", "−")


def _said(found: AtlasInput) -> JointInput:
    if found.grid is None:
        return JointInput(found.id, found.tokens)
    rows, columns = found.grid
    return JointInput(
        found.id, found.tokens[: len(found.tokens) - rows * columns], found.grid, small_picture(found.picture)
    )


@lru_cache(KEPT)
def _map(chosen: Chosen, head: Head, method: Method) -> JointMap:
    """The map; while t-SNE runs, how far it is. Whoever moves on ends it."""
    vectors = chosen.vectors(head)
    what = f"Laying out {2 * len(vectors.query):,} points"
    if method == "pca":
        with st.spinner(f"{what} …"):
            return joint_map(vectors, causal=chosen.is_causal)
    with stepping(f"{what} by t-SNE", part="step", queue=LAYOUTS, show_time=True) as on_step:
        return joint_map(vectors, causal=chosen.is_causal, method=method, on_step=on_step)


def _colouring(by: str, title: str, places: list[tuple[int, int]], inputs: dict[int, AtlasInput]) -> Colouring:
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
