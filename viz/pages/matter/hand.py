"""Tokens or patches that the visitor removes by hand, and the heads that change most."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from headlens.model.effects.occlusion import head_movements
from headlens.model.effects.removal import removable
from headlens.model.effects.stand_ins import Removal
from headlens.model.errors import HeadlensError, InputError
from headlens.viz.figures.effects import effect_grid
from headlens.viz.figures.scores import patch_picker
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.matter.place import positions_of, tokens_of
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.matter.removed import pick_removal
from headlens.viz.pages.parts import BAR, draw_figure
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.numbers import is_number
from headlens.viz.view.visible import visible

MOST = 10


def removed_by_hand(question: Question) -> tuple[tuple[int, ...], Removal]:
    """Draw the controls; give the positions of the run that are removed, and what stands in. Raises InputError."""
    how = pick_removal(question)
    if how is None:
        raise InputError("Nothing can stand in for a removed part of this input; ask about another output.")
    away = removable(question.experiment, question.target)
    removed = tuple(at for at in _read(st.query_params.get("gone", "")) if at < len(away) and away[at])
    if question.recording.photo is None:
        _choose(
            st.pills,
            "Press a token to remove it",
            question,
            away,
            removed,
            selection_mode="multi",
            help="Special tokens and the one that the target is read from stay.",
        )
    else:
        _patches(question, away, removed)
    st.button("Clear", on_click=_write, args=((),), disabled=not removed, help="Put all back.", key="matter_put_back")
    return removed, how


def show_moved_heads(question: Question, removed: tuple[int, ...], how: Removal, stage: str) -> None:
    """How far each head's output moved."""
    if not removed:
        st.caption("Nothing is removed yet.")
        return
    try:
        moved = head_movements(question.experiment, question.target, removed, how, stage=stage)
    except HeadlensError as error:
        show_error(error)
        return
    grid, words = st.columns([1, 1], gap="medium")
    with grid:
        draw_figure(
            effect_grid(moved, "how far its output moves", signed=False, theme=current_theme()),
            "How far each head's output moves, a square for each",
        )
    with words:
        st.markdown(f"**The {min(MOST, moved.size)} heads that change most**, as a share of their output before:")
        order = np.argsort(-moved.ravel(), kind="stable")[:MOST]
        lines = [divmod(int(index), moved.shape[1]) for index in order]
        st.markdown("\n".join(f"1. layer {layer}, head {head}: {moved[layer, head]:.3f}" for layer, head in lines))


def _choose(
    widget: Callable[..., object],
    label: str,
    question: Question,
    away: np.ndarray,
    removed: tuple[int, ...],
    **rest: object,
) -> None:
    """A widget with all positions of the run that can be removed."""
    state = st.session_state
    names = {int(at): visible(token) for at, token in zip(positions_of(question), tokens_of(question))}
    state.matter_gone = list(removed)
    widget(
        label,
        [int(at) for at in np.flatnonzero(away)],
        key="matter_gone",
        format_func=lambda at: names.get(at, str(at)),
        on_change=lambda: _write(tuple(state.matter_gone)),
        **rest,
    )


def _patches(question: Question, away: np.ndarray, removed: tuple[int, ...]) -> None:
    photo = question.recording.photo
    assert photo is not None
    prefix, positions = question.recording.prefix_tokens, positions_of(question)
    places = {int(position): index - prefix for index, position in enumerate(positions)}
    pressed = st.session_state.setdefault("matter_drags", 0)

    def take() -> None:
        points = st.session_state[f"matter_patches_{pressed}"].selection.points
        st.session_state.matter_drags += 1
        picked = {int(positions[prefix + int(point["customdata"])]) for point in points}
        if picked:
            _write(tuple(set(removed) - picked if picked <= set(removed) else set(removed) | picked))

    st.plotly_chart(
        patch_picker(photo, [places[at] for at in removed], theme=current_theme()),
        key=f"matter_patches_{pressed}",
        theme=None,
        on_select=take,
        selection_mode="box",
        config={**BAR, "modeBarButtons": [["select2d", "toImage"]]},
        alt=f"The photo; {len(removed)} patches are removed",
    )
    st.caption("Drag over a patch or several to remove them; over removed ones alone to put them back.")
    _choose(
        st.multiselect,
        "Patches that are removed",
        question,
        away,
        removed,
        placeholder="None: drag over the photo, or choose here",
        help="The same without dragging: type a row and a column to find a patch, counted from 0 at the upper left.",
    )


def _read(written: str) -> list[int]:
    """Positions as the address has them, "3-4-17"; whatever is wrong in it is left out."""
    parts = written[:60_000].split("-")
    return sorted({int(part) for part in parts if is_number(part)})


def _write(removed: tuple[int, ...]) -> None:
    if removed:
        st.query_params["gone"] = "-".join(map(str, sorted(removed)))
    else:
        st.query_params.pop("gone", None)
