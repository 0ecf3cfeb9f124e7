"""The page *How it works*: attention in steps, with the numbers of the visitor's own input."""

import streamlit as st

from headlens.model.errors import HeadlensError
from headlens.model.protocol import ImageModel, TextModel
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.inputs.models import image_model, text_model
from headlens.viz.pages import parts
from headlens.viz.pages.chosen_input import ChosenInput, InputChooser
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.glossary import glossary
from headlens.viz.pages.how.steps import STEPS, Step
from headlens.viz.view.visible import visible

CHOOSER = InputChooser("how", {"text": ("text", "causal", "sequence"), "image": ("image",)}, as_text=True)
WIDTH = 1000  # pixels: lines that can be read
# When another step has opened, the page scrolls to the top, or on a phone to the step's title, and that takes the
# keyboard's focus: the button that was pressed names another step now, or is gone.
ARRIVE = """<style>
[data-testid=stMarkdownContainer] table {{ display: block; overflow-x: auto; }}
[data-testid=stMarkdownContainer] :is(th, td) {{ min-width: 7rem; }}
</style>
<script>
(() => {{
    const main = document.querySelector("[data-testid=stMain]");
    const title = () => main.querySelector("h3");
    main.scrollTo(0, 0);
    const before = window.headlensStep; // whoever has just arrived is left where they are
    window.headlensStep = {0};
    let tries = 0;
    const timer = setInterval(() => {{
        const lost = document.activeElement === document.body;
        const below = document.activeElement.closest(".st-key-how_Next, .st-key-how_Back");
        if (before && title() && (lost || below)) {{
            title().tabIndex = -1;
            title().style.outline = "none";
            title().focus({{ preventScroll: true }});
        }}
        if (before && innerWidth < 700 && tries === 3) title()?.scrollIntoView();
        if (document.activeElement === title() || ++tries > 30) clearInterval(timer);
    }}, 100);
}})();
</script>"""


def page() -> None:
    """Draw the page."""
    CHOOSER.arrive()
    with st.container(width=WIDTH):
        st.header("How attention works", anchor=False)
        _show(CHOOSER.choose())


def _show(chosen: ChosenInput) -> None:
    """One step; nothing of the others is computed.

    It is not a fragment, so that any control that is used stops what still runs.
    """
    entry, start = chosen.run.entry(), chosen.start
    recording = entry.recording
    tokens = recording.tokens  # for what the session keeps, which must not hold the recording
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = knob(
            st.selectbox,
            "Layer",
            "layer",
            options=range(recording.num_layers),
            start=start.layer,
            width=90,
            help="Layers count from 0, from the input upwards.",
        )
        head = knob(
            st.selectbox,
            "Head",
            "head",
            options=range(recording.num_heads),
            start=start.head,
            width=90,
            help="Heads of one layer look side by side.",
        )
        query = knob(
            st.selectbox,
            "Query",
            "query",
            options=range(recording.num_tokens),
            start=start.query,
            format_func=lambda token: f"{token} · {visible(tokens[token])}",
            width=220,
            help="The token or patch that looks. Patches are (row, column); type to find one.",
        )
    number = knob(
        st.pills,
        "Steps",
        "step",
        options=range(1, len(STEPS) + 1),
        start=1,
        format_func=lambda each: f"{each} {STEPS[each - 1].short}",
        required=True,
        help="Only the step that you see is computed.",
    )
    CHOOSER.remember(chosen)
    step = STEPS[number - 1]
    st.html(ARRIVE.format(number), unsafe_allow_javascript=True)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{number}. {step.title}", anchor=False, width="content")
        glossary(step.terms)
    example = Example(entry, _model(chosen), chosen.request.read, layer=layer, head=head, query=query)
    _foot(number, step, drawn=_draw(step, example))
    parts.model_line(recording)
    st.caption(chosen.request.link)


def _model(chosen: ChosenInput) -> TextModel | ImageModel:
    """The model that reads the input."""
    name = chosen.request.model
    return image_model(name) if chosen.kind == "image" else text_model(name)


def _draw(step: Step, example: Example) -> bool:
    """Draw the step and give True; or say in one sentence what this model lacks for it."""
    if step.vectors and example.inputs.scores_only:
        st.info(
            "This model computes its attention by itself: its scores could be recorded, but not the queries, keys and "
            "values that this step shows. Take another model here, or go on to the next step."
        )
        return False
    try:
        step.show(example)
    except HeadlensError as error:
        show_error(error)
        return False
    return True


def _foot(number: int, step: Step, *, drawn: bool) -> None:
    if drawn:
        st.markdown(f"**Try:** {step.attempt}")
        parts.camera()
    st.caption(f"Source: {step.source}")
    with st.container(horizontal=True):
        for label, to in (("Back", number - 1), ("Next", number + 1)):
            if 1 <= to <= len(STEPS):
                st.button(
                    f"{label}: {STEPS[to - 1].short}",
                    key=f"how_{label}",
                    type="primary" if label == "Next" else "secondary",
                    on_click=_go,
                    args=(to,),
                    help=STEPS[to - 1].title,
                )


def _go(number: int) -> None:
    st.query_params["step"] = str(number)
