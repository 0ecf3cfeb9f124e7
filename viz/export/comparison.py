"""What the page Compare found, to be taken away: figures, tables, arrays, and the script that compares again."""

import io
import json
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from headlens.model import __version__
from headlens.model.comparison.comparison import Comparison, Head, HeadBeside
from headlens.model.comparison.corrections import Correction
from headlens.model.recording.recording import Recording
from headlens.viz.export.about import about_recording
from headlens.viz.export.cells import Spec, axis, cells, one_picture
from headlens.viz.export.data import MAX_ROWS, guarded, table_of
from headlens.viz.export.findings import Finding, of_heads
from headlens.viz.export.marks import ABOVE, BESIDE, CELLS
from headlens.viz.export.reproduce import Call
from headlens.viz.figures.comparison import place_names
from headlens.viz.view.scale import colour_limit

ARRAYS = """A comparison by Headlens, for numpy.load. "divergence" [layer, head] of A: the mean Jensen–Shannon
divergence of a head's rows in A and in B, base 2. "partners" [layer, head, 2]: the layer and head of B beside it.
"a", "b" [place, place]: the weights of "head" of A and of B, over "places"; "difference" is a - b, nan in rows of
places that only one of them has. "paired" [place]: whether both have it. "about" is JSON.
"""
README = """{caption}

Figures: SVG and PNG, {millimetres} mm wide, on white. heads.csv: how much each head differs. difference.csv: A − B of
the head that was shown. comparison.npz: numpy.load reads it, "readme" in it says what it holds. a/recording.safetensors
and b/recording.safetensors: headlens.model.Recording.load reads them. compare.py makes both again, compares them, and
says whether the result is the same; `headlens compare` prints it.
"""
SCRIPT = '''"""Makes the recordings beside this file again, compares them, and says whether the result is the same.

Run it where Headlens {version} is installed: python compare.py [MODEL OF A [MODEL OF B]]
"""

import sys
from pathlib import Path

import numpy as np

from headlens.model import compare, load_model
from headlens.model.comparison.alignment import align
from headlens.model.comparison.corrections import corrected
{imports}
MODELS = [*sys.argv[1:], *{models!r}[len(sys.argv) - 1 :]]

BESIDE = Path(__file__).parent
missing = [name for name in {files!r} if not (BESIDE / name).exists()]
if missing:
    sys.exit(f"Put beside this file what the zip has there: {{', '.join(missing)}}.")

HERE = BESIDE / "a"
model = load_model(MODELS[0], {device!r}, {dtype!r})
a = {code_a}

HERE = BESIDE / "b"
model = load_model(MODELS[1], {device!r}, {dtype!r})
b = {code_b}

comparison = compare(a, b, corrected(align(a, b), a, b, {corrections!r}))
partners, divergence = comparison.partners()
print("The layer and head that differ most:", np.unravel_index(np.nanargmax(divergence), divergence.shape))
saved = sorted(BESIDE.glob("*comparison.npz"))  # with the page's name before it where it was saved alone
if not saved:
    print("Put comparison.npz beside this file, and it says as well whether the result is the same.")
    sys.exit()
largest = np.nanmax(np.abs(divergence - np.load(saved[0])["divergence"]))
print(f"No divergence differs from the file's by more than {{largest:.3g}}.")
sys.exit(not largest <= 1e-4)
'''


def about_comparison(comparison: Comparison, head: Head, other: Head) -> dict[str, str]:
    """Both models, what was changed of them, the heads, and the program."""
    sides = comparison.a, comparison.b
    own, theirs = (about_recording(each) for each in sides)
    program = own.pop("program")
    off = {f"{name}'s heads": each.notes["off"] for name, each in zip("AB", sides) if "off" in each.notes}
    about = own if own["model"] == theirs["model"] else {**own, "model of B": theirs["model"]}
    heads = f"layer {head[0]}, head {head[1]} of A, layer {other[0]}, head {other[1]} of B"
    return {**about, **off, "heads": heads, "program": program}


def of_comparison(divergence: np.ndarray, partners: np.ndarray | None) -> Finding:
    """How much each head differs, [layer, head]; partners: of B, where they are not the same heads."""
    finding = of_heads(
        divergence,
        "All heads, layers down, heads across: how much they differ between A and B",
        "divergence",
        signed=False,
    )
    if partners is None:
        return finding
    rows = [(*at, *map(int, partners[at]), f"{divergence[at]:.9g}") for at in np.ndindex(divergence.shape)]
    heading = ("layer", "head", "layer_b", "head_b", "divergence")
    return Finding(finding.name, finding.heading, finding.draw, lambda: table_of(heading, rows))


def of_difference(comparison: Comparison, weights: HeadBeside, head: Head, other: Head) -> list[Finding]:
    """A − B of one head; none where there are more weights than a sheet takes."""
    alignment, difference = comparison.alignment, weights.difference
    if difference.size > MAX_ROWS:
        return []
    names = place_names(alignment.names, alignment.a.filled, alignment.b.filled)
    limit = colour_limit(np.nan_to_num(np.abs(difference)), comparison.special)

    def draw(width: float) -> Spec:
        side = width - BESIDE
        down = axis("query", names, side / len(names), turned=False)
        across = axis("key", names, side / len(names), turned=True)
        drawn = one_picture if len(names) > CELLS else cells
        return {"height": side + ABOVE, **drawn(difference, down, across, limit, signed=True)}

    beside = "" if head == other else f" and layer {other[0]}, head {other[1]} of B"
    heading = f"Layer {head[0]}, head {head[1]}{beside}: weights of A less those of B; no row where only one has it"
    return [Finding("difference", heading, draw, partial(_table, weights, alignment.names))]


def _table(weights: HeadBeside, names: Sequence[str]) -> str:
    tokens, difference = [guarded(name) for name in names], weights.difference
    rows = (
        (
            query,
            tokens[query],
            key,
            tokens[key],
            *(f"{each[query, key]:.9g}" for each in (weights.a, weights.b, difference)),
        )
        for query, key in np.ndindex(difference.shape)
    )
    return table_of(("query", "query_token", "key", "key_token", "a", "b", "difference"), rows)


def comparison_npz(
    comparison: Comparison,
    divergence: np.ndarray,
    partners: np.ndarray,
    *,
    weights: HeadBeside,
    heads: tuple[Head, Head],
) -> bytes:
    """The arrays of a comparison for numpy.load; "readme" in it says what they are."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        divergence=divergence,
        partners=partners,
        a=weights.a,
        b=weights.b,
        difference=weights.difference,
        paired=weights.paired,
        places=np.array(comparison.alignment.names),
        head=np.array(heads),
        about=np.array(json.dumps(about_comparison(comparison, *heads), ensure_ascii=False)),
        readme=np.array(ARRAYS),
    )
    return file.getvalue()


def compare_script(
    recording: Recording, models: tuple[str, str], calls: tuple[Call, Call], corrections: Sequence[Correction]
) -> str:
    """compare.py.

    Args:
        recording: A's, which says the device and the precision.
        models: that A and B were loaded by: names, folders or ids of the Hub.
        calls: how A and B were recorded.
        corrections: of the alignment.
    """
    imports = dict.fromkeys(line for call in calls for line in call.imports.splitlines())
    return SCRIPT.format(
        version=__version__,
        imports="\n".join([*imports, ""]) if imports else "",
        models=list(models),
        files=list(files_of(calls)),
        device=recording.device,
        dtype=str(recording.layers[0].query.dtype).removeprefix("torch."),
        code_a=calls[0].code,
        code_b=calls[1].code,
        corrections=list(corrections),
    )


def files_of(calls: tuple[Call, Call]) -> dict[str, Callable[[], bytes]]:
    """What the calls read, each side's in a folder of its own."""
    return {
        f"{side}/{name}": lambda content=content: content  # type: ignore[misc]  # bound when it is made
        for side, call in zip("ab", calls)
        for name, content in call.files.items()
    }
