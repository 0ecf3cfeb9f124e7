"""What an export says of itself: model, weights, layer, head, query, what was merged, and the program's version."""

from collections.abc import Mapping

from headlens.model import __version__
from headlens.model.recording.parts import WEIGHTS
from headlens.model.recording.recording import Recording
from headlens.viz.view import words
from headlens.viz.view.chosen import write_runs
from headlens.viz.view.pieces import groups_of
from headlens.viz.view.view import View
from headlens.viz.view.wording import MOST_NAMED, WORDING, heads_named, title, what, who

About = Mapping[str, str]
MERGED = {
    "head": "one head",
    "heads": "{} of the chosen heads",
    "layer": "{} of the layer's heads",
    "all": "{} of all layers' heads",
}
WORDS = "tokens of a word are pooled: weights to them summed, from them averaged"
DIRECTIONS = {  # of one query, of several
    "at": ("what the query looks at", "what the queries look at, the mean of them"),
    "by": ("what looks at the query", "what looks at the tokens, the sum over them"),
}
EVERY = "every query and every key"
REDUCED = {"mean": "the mean", "max": "the maximum"}


def about_recording(recording: Recording) -> dict[str, str]:
    """The model and the program."""
    model = recording.model
    return {
        "model": model.title,
        **({"revision": model.revision} if model.revision else {}),
        "licence": model.licence,
        **({"stage": recording.stage} if recording.stages else {}),
        **({"weights": recording.notes[WEIGHTS]} if WEIGHTS in recording.notes else {}),
        "program": f"Headlens {__version__}",
    }


def about_view(recording: Recording, view: View) -> dict[str, str]:
    """The model, what is shown of it, and the program."""
    model = about_recording(recording)
    program = model.pop("program")
    heads = MERGED[view.scope].format(REDUCED[view.reduction])
    pooled = "tokens are not pooled" if groups_of(recording) is None else WORDS
    said, every = who(view, WORDING), heads_named(view.heads, WORDING)
    normalised = "softmax over the keys" + (", the matrix on a logarithmic scale" if view.log else "")
    return {
        **model,
        "heads": said,
        **({"chosen heads": ", ".join(every)} if len(every) > MOST_NAMED else {}),
        "query": f"{words.names_of(recording, view.chosen)}, position {write_runs(view.chosen)}",
        "direction": DIRECTIONS[view.direction][bool(view.queries)],
        "pooled": f"{pooled}; {heads}",
        "normalised": normalised,
        "program": program,
    }


def caption_of(about: About, heading: str = "") -> str:
    """The same in a line, for below a picture; without what its heading says already."""
    left_out = {"licence", "pooled", "normalised", "chosen heads"}
    if heading and about.get("heads", "") in heading:
        left_out |= {"heads"} if EVERY in heading else {"heads", "direction"}
    short = {name: value for name, value in about.items() if name not in left_out}
    return " · ".join(f"{name} {value}" if name == "query" else value for name, value in short.items())


def heading_of(recording: Recording, view: View, kind: str) -> str:
    """What a picture shows: “Layer 3, head 1: what “it” looks at”."""
    names, wording = words.names_of(recording, view.chosen), words.wording_of(recording)
    if kind == "heatmap":
        return f"{who(view, wording)}: {EVERY}"
    if kind == "grid":
        seen = EVERY if recording.photo is None else what(names, view.direction, len(view.chosen))
        done = f", {recording.notes[WEIGHTS]}" if WEIGHTS in recording.notes else ""
        return f"All heads{done}, layers down, heads across: {seen}"
    return title(view, names, wording)
