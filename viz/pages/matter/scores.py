"""How far each explanation can be believed on this input: deletion and insertion, beside random orders."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from headlens.model.effects.curves import Band, Curves, Direction, cost, deletion_curve, input_at, random_band
from headlens.model.effects.explain.explanation import Explanation
from headlens.model.effects.stand_ins import Removal
from headlens.model.effects.targets import LogitTarget, MovementTarget
from headlens.model.errors import HeadlensError
from headlens.viz.figures.scores import Range, removal_curves, without_patches
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.matter.place import positions_of, tokens_of
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.parts import BAR
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.visible import visible

ORDERS = (20, 100)  # random ones; fewer than 100 are not enough to call a method no better than chance
PERCENTS = (10, 20, 50)


def show_scores(question: Question, explained: Mapping[str, Explanation], removed: Removal) -> None:
    """Scores on demand: what they take is said first."""
    st.markdown("**Scores on this input**")
    orders = st.query_params.get("scores", "")
    try:
        runs = len(explained) * cost(question.experiment, question.target)
        takes = {number: runs + cost(question.experiment, question.target, orders=number) for number in ORDERS}
    except HeadlensError as error:
        show_error(error)
        return
    seconds = question.recording.seconds
    with st.container(horizontal=True, vertical_alignment="center"):
        for number in ORDERS:
            st.button(
                f"Score, with {number} random orders",
                key=f"matter_score_{number}",
                on_click=_score,
                args=(str(number),),
                help=f"At most {takes[number]:,} runs of the model, about {takes[number] * seconds:,.0f} s; 100 random "
                "orders are needed before a method can be called no better than chance.",
            )
        if orders:
            st.button("Stop, and hide the scores", on_click=_score, args=("",), help="Another control stops them too.")
    st.caption(
        f"20 orders take at most {takes[20]:,} runs of the model, about {takes[20] * seconds:,.0f} s; 100 take "
        f"{takes[100]:,}, about {takes[100] * seconds:,.0f} s."
    )
    if orders not in map(str, ORDERS):
        return
    try:
        curves = {title: _curves(question, title, each, removed) for title, each in explained.items()}
        band = _band(question, int(orders), removed)
    except HeadlensError as error:
        show_error(error)
        return
    _table(curves, band)
    _curve_of(question, explained, curves, band)


def _scored(question: Question) -> str:
    """What the curves are of: it falls as what matters is removed."""
    if isinstance(question.target, LogitTarget):
        return "score of the candidate"
    return "cosine to the unchanged embedding" if isinstance(question.target, MovementTarget) else "target"


def _score(orders: str) -> None:
    if orders:
        st.query_params["scores"] = orders
    else:
        st.query_params.pop("scores", None)


def _curves(question: Question, title: str, explanation: Explanation, removed: Removal) -> Curves:
    return question.derive(
        ("curves", explanation.method, explanation.held, removed),
        f"Scoring: {title}",
        lambda on_step: deletion_curve(
            question.experiment, question.target, explanation.scores, removed=removed, on_step=on_step
        ),
    )


def _band(question: Question, orders: int, removed: Removal) -> Band:
    return question.derive(
        ("band", orders, removed),
        f"{orders} random orders",
        lambda on_step: random_band(
            question.experiment, question.target, removed=removed, orders=orders, on_step=on_step
        ),
    )


def _table(curves: Mapping[str, Curves], band: Band) -> None:
    """The best first, by insertion less deletion area."""
    rows = [
        {
            "Explanation": title,
            "Insertion − deletion": each.difference,
            "Deletion area": each.deletion_area,
            "Insertion area": each.insertion_area,
            "Beside random orders": _verdict(each, band),
            **{f"Comprehensiveness {percent} %": each.comprehensiveness[percent] for percent in PERCENTS},
            **{f"Sufficiency {percent} %": each.sufficiency[percent] for percent in PERCENTS},
        }
        for title, each in sorted(curves.items(), key=lambda item: -item[1].difference)
    ]
    numbers = {
        name: st.column_config.NumberColumn(format="%.4f")
        for name in rows[0]
        if name not in ("Explanation", "Beside random orders")
    }
    st.dataframe(rows, hide_index=True, column_config=numbers)
    st.markdown(
        f"{band.orders} random orders: insertion − deletion **{band.difference.mean:.4f}** on average, "
        f"{band.difference.low:.4f} to {band.difference.high:.4f} in 90 of 100; deletion area "
        f"{band.deletion_area.mean:.4f}, insertion area {band.insertion_area.mean:.4f}."
    )
    st.caption(
        "Deletion takes the highest scores away first: a good explanation's area is small. Insertion puts them back "
        "first: its area is large (Petsiuk et al. 2018, section 4.1). Comprehensiveness: what is lost without "
        "the highest scores; sufficiency: what is lost with them alone (DeYoung et al. 2020, equations 1 and 2)."
    )


def _verdict(curves: Curves, band: Band) -> str:
    if curves.difference > band.difference.high:
        return "better than 95 % of them"
    if curves.difference < band.difference.low:
        return "worse than 95 % of them"
    return "no better than chance" if band.orders >= ORDERS[-1] else "among them; 100 orders would tell more"


def _curve_of(
    question: Question, explained: Mapping[str, Explanation], curves: Mapping[str, Curves], band: Band
) -> None:
    """The curves of one explanation, and the input at the step that was pressed."""
    title = knob(
        st.selectbox,
        "Curves of",
        "curve",
        options=list(curves),
        start=next(iter(curves)),
        page="matter",
        width=320,
        help="Press a point of a curve to see the input at that step.",
    )
    shown, theme = curves[title], current_theme()
    what = _scored(question)
    figure = removal_curves(
        shown.shares,
        {"deletion": shown.deletion, "insertion": shown.insertion},
        {
            "deletion": Range(band.deletion.low, band.deletion.high),
            "insertion": Range(band.insertion.low, band.insertion.high),
        },
        what,
        theme=theme,
    )
    event = st.plotly_chart(
        figure,
        key="matter_curve_figure",
        theme=None,
        on_select="rerun",
        selection_mode="points",
        config=BAR,
        alt=f"{title}: deletion area {shown.deletion_area:.4f}, insertion area {shown.insertion_area:.4f}",
    )
    points = event.selection.points
    curve, step = points[0]["customdata"] if points else ("deletion", min(2, len(shown.shares) - 1))
    name: Direction = "insertion" if curve == "insertion" else "deletion"
    removed = input_at(question.experiment, question.target, explained[title].scores, int(step), direction=name)
    share = float(shown.shares[int(step)])
    st.markdown(f"The input at this step of the {name} curve, {share:.0%} removed (press a point to see its step):")
    show_without(question, removed)


def show_without(question: Question, removed: np.ndarray) -> None:
    """The input without what is removed, bool [token of the run]."""
    recording, gone = question.recording, removed[positions_of(question)]
    if recording.photo is None:
        st.text(" ".join("▢" if away else visible(token) for token, away in zip(tokens_of(question), gone)))
        return
    picture = without_patches(recording.photo.pixels, recording.photo.grid, gone[recording.prefix_tokens :])
    st.image(picture, width=360)
