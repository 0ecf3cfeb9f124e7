"""What the joint map is drawn from, as bytes; viz/explorer/js/joint.js puts together what is said under the pointer."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from headlens.viz.figures.labels import escape, token_text


class JointInput(NamedTuple):
    """What is said of an input under the pointer."""

    id: str
    tokens: Sequence[str]  # of a photo those before its patches
    grid: tuple[int, int] | None = None  # (rows, columns) of patches; None of a text
    picture: str | None = None  # the address of a small picture of a photo, as `headlens.viz.figures.pictures` makes it


def joint_payload(
    figure: go.Figure, inputs: Mapping[int, JointInput], places: Sequence[tuple[int, int]], *, name: str, alt: str
) -> bytes:
    """The payload of `headlens.viz.explorer.element.joint`.

    Args:
        figure: of `headlens.viz.figures.joint_map`.
        inputs: by their numbers.
        places: [position], the number of the input and which of its tokens each is.
        name: of the map: a zoom stays while it is the same.
        alt: says in words what it is, to those who do not see it.
    """
    figure.update_layout(uirevision=name)
    order = {number: index for index, number in enumerate(inputs)}
    return json.dumps(
        {
            "figure": json.loads(figure.to_json()),  # arrays as bytes in base64
            "inputs": [
                {
                    "number": number,
                    "id": escape(found.id),
                    "tokens": [token_text(token) for token in found.tokens],
                    "grid": found.grid,
                    "picture": found.picture,
                }
                for number, found in inputs.items()
            ],
            "input": [order[number] for number, _ in places],
            "position": [position for _, position in places],
            "alt": alt,
        },
        separators=(",", ":"),
    ).encode()
