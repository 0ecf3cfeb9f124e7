"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="One of `headlens models`, a folder of save_pretrained, or organisation/name of the Hub; by default the "
        "bundled model that reads such an input.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto (cuda, else mps, else cpu), or one of these.")]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS",
        help="Of a photo's short side, 224 to 1036, or letterbox; by default the model's own.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for machines.")]
Table = Annotated[
    Path | None,
    typer.Option("--out", metavar="PATH", help="A .csv to write; else it is printed.", show_default=False),
]
Saved = Annotated[Path, typer.Argument(metavar="FILE", help="A recording: .safetensors of `headlens record`.")]
Words = Annotated[
    bool, typer.Option("--words", help="Tokens merged into words: weights to a word are summed, from it averaged.")
]
WithoutSpecial = Annotated[
    bool,
    typer.Option(
        "--without-special", help="Special tokens left out of what is looked at, and the rest scaled to sum to one."
    ),
]
Stage = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of a model with several: encoder, decoder, cross, vision.", show_default=False),
]
