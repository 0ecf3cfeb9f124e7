"""The pieces that steps are made of: figures, formulas, shapes, tables and controls."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from headlens.viz.figures import patch_overlay
from headlens.viz.figures.columns import bar_columns
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.parts import draw_figure


def draw_keys(example: Example, columns: Mapping[str, np.ndarray], alt: str, *, shared: bool = False) -> None:
    """Show quantities [key] of the shown keys as bars, the query's own in another colour.

    Args:
        example: whose keys they are.
        columns: a column of bars each, by its title.
        alt: the figure in words, for those who do not see it.
        shared: whether all columns have one scale.
    """
    keys = example.keys
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {title: values[keys] for title, values in columns.items()},
        marked=int(np.searchsorted(keys, example.query)),
        theme=example.theme,
        shared=shared,
    )
    draw_figure(figure, alt)
    shown, seen, hidden = len(keys), int(example.seen.sum()), int((~example.seen).sum())
    notes = ["The bar of the other colour is the query's own."]
    if shown < seen:
        notes.append(
            f"{shown} of {seen:,} keys are shown, those with the largest weights and the query, in the input's order."
        )
    if hidden:
        later = "later " if not example.seen[example.query + 1 :].any() and example.seen[: example.query].all() else ""
        notes.append(f"{hidden:,} {later}{'token is' if hidden == 1 else 'tokens are'} hidden from this query.")
    st.caption(" ".join(notes))


def draw_photo(example: Example, weights: np.ndarray, alt: str) -> None:
    """Weights [key] over the photo, where the input is one."""
    recording = example.recording
    if recording.photo is not None:
        prefix = recording.tokens[: recording.prefix_tokens]
        figure = patch_overlay(recording.photo, weights, prefix, query=example.query, theme=example.theme)
        draw_figure(figure.update_layout(height=320), alt)


def formulas(*lines: str) -> None:
    """Formulas beside each other where there is room, else under each other."""
    with st.container(horizontal=True, horizontal_alignment="center", gap="large"):
        for line in lines:
            st.latex(line, width="content")


def table(columns: Mapping[str, Sequence[str]]) -> None:
    """Words of our own, not a visitor's, in rows and columns.

    Not by st.table, which imports pandas while other threads may be drawing figures.
    """
    lines = [tuple(columns), ("---",) * len(columns), *zip(*columns.values())]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def shapes(**sizes: tuple[int, ...]) -> None:
    """The shapes of a step, with this model's numbers: "Q: 17 × 32"."""
    st.caption("Shapes: " + " · ".join(f"{name}: {' × '.join(f'{n:,}' for n in size)}" for name, size in sizes.items()))
