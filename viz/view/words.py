"""What a picture says, in words. Tokens in it are still a stranger's: whoever draws the words escapes them."""

from collections.abc import Sequence

from headlens.model.analysis.heads import spread
from headlens.model.analysis.orders import reach
from headlens.model.analysis.sample import LONG, SAMPLE, looking_queries, sampled_queries
from headlens.model.recording.parts import WEIGHTS, Cell, Picture
from headlens.model.recording.recording import Recording
from headlens.viz.view.chosen import boxes
from headlens.viz.view.derived import together
from headlens.viz.view.pieces import pieces_of
from headlens.viz.view.visible import isolated, visible
from headlens.viz.view.wording import WORDING, Wording, listed

WHY_SPECIAL = (
    "A head with nothing to say about a token rests on special tokens: "
    "their values change little there (Clark et al. 2019, section 3.2)."
)
NAMED: dict[Picture, dict[Cell, str]] = {
    "photo": {"patch": "Patches are named (row, column), from (0, 0) at the top left."},
    "spectrogram": {
        "patch": "Patches are named by when they begin and the pitch in their middle; low pitches are at the bottom.",
        "frame": "Frames are named by when they begin; low pitches are at the bottom.",
    },
}
CELLS: dict[Cell, str] = {"patch": "patches", "frame": "frames"}


def wording_of(recording: Recording) -> Wording:
    """The words for a recording: who looks says what was done to the weights, and a picture has patches or frames."""
    wording, photo = WORDING, recording.photo
    if WEIGHTS in recording.notes:
        heads = {heads: f"{template}, {recording.notes[WEIGHTS]}" for heads, template in WORDING["who"].items()}
        wording = {**wording, "who": heads}
    if photo is not None:
        named = NAMED[photo.picture].get(photo.cell, "")
        size = ", {rows} × {columns}" if photo.cell == "patch" else ""  # frames are a line
        patches = f"{CELLS[photo.cell]} {{first}} to {{last}}{size}"
        wording = {**wording, "patch": f"{photo.cell} {{name}}", "patches": patches, "named": named}
    return wording


def name_of(recording: Recording, token: int) -> str:
    """What to call a position in a sentence: “it”, [CLS], patch (11, 15), frame 1.24 s."""
    text = isolated(visible(recording.tokens[token]))
    if recording.grid is not None and token >= recording.prefix_tokens:
        return wording_of(recording)["patch"].format(name=text)
    if recording.special[token] and text.startswith(tuple(WORDING["unquoted"])):
        return text
    return WORDING["token"].format(name=text)


def names_of(recording: Recording, tokens: Sequence[int]) -> str:
    """What to call them together: “it”, “is”, … “big”, or of a photo patches (2, 2) to (4, 5), 3 × 4."""
    prefix, grid = recording.prefix_tokens, recording.grid
    if grid is None or len(tokens) == 1 or min(tokens) < prefix:
        return listed([name_of(recording, token) for token in tokens])
    (left, top, right, bottom), *others = boxes((token - prefix for token in tokens), grid[1])
    if others:
        return listed([name_of(recording, token) for token in tokens])
    first, last = (isolated(visible(recording.tokens[token])) for token in (min(tokens), max(tokens)))
    patches = wording_of(recording)["patches"]
    return patches.format(first=first, last=last, rows=bottom - top, columns=right - left)


def many(recording: Recording) -> str:
    """What its positions are: tokens, or words."""
    return "words" if recording.unit == "word" else "tokens"


def head_template(recording: Recording) -> str:
    """What `head_in_words` fills in, with {name}, {here}, {everywhere} and {away}."""
    if recording.stage == "cross":
        read = "tokens of what is read" if recording.photo is None else f"positions of the {recording.photo.picture}"
        return (
            f"From {{name}} the head spreads over {{here}} {read}; "
            "from all that is written, over {everywhere} on average."
        )
    num_tokens = recording.num_tokens
    units = f"{recording.unit}s" if recording.photo is None else CELLS[recording.photo.cell]
    of = "" if recording.grid is None else f" (of {recording.grid[0]} × {recording.grid[1]})"
    sample = len(sampled_queries(num_tokens))
    where = "over the whole input" if num_tokens <= LONG else f"over {sample} evenly spaced queries"
    return (
        f"From {{name}} the head spreads over {{here}} of {num_tokens:,} {many(recording)}; "
        f"{where} it spreads over {{everywhere}} and looks {{away}} {units} away on average{of}."
    )


def head_in_words(recording: Recording, layer: int, head: int, *, chosen: Sequence[int]) -> str:
    """One paragraph on a head: over how many tokens, from the chosen ones on average, and how far it looks."""
    everywhere, away = spread_and_reach(recording, layer, head)
    here = together("at", [recording.attention_from(layer, chosen, head)])
    return head_template(recording).format(
        name=names_of(recording, chosen),
        here=_count(float(spread(here))),
        everywhere=_count(everywhere),
        away=f"{away:.1f}",
    )


def spread_and_reach(recording: Recording, layer: int, head: int) -> tuple[float, float]:
    """Over how many positions a head spreads, and how many away it looks, on average."""
    queries = looking_queries(recording)
    weights = recording.attention_from(layer, queries, head)
    return float(spread(weights).mean()), reach(recording, weights, queries)


def matrix_note(recording: Recording, largest_drawn: int, several: bool) -> str:
    """What is to be known of the matrix of a long input: that it is drawn in cells, or not at all."""
    num_tokens = pieces_of(recording).num_tokens
    if several and num_tokens > LONG:
        return f"{num_tokens:,} tokens make a matrix too large to merge heads in: choose “this head” to see it."
    if recording.num_tokens <= largest_drawn:
        return ""
    return (
        f"{recording.num_tokens:,} {many(recording)} are drawn in cells: the mean over a cell's queries of the sum "
        "over its keys. Click one for the exact weights of a query in it."
    )


def grid_note(num_tokens: int, matrices: bool, order: str) -> str:
    """What is to be known of the grid of all heads of a long input: what comes from a sample of its queries."""
    if num_tokens <= LONG or (not matrices and order in ("layer", "key")):
        return ""
    return f"{'drawn' if matrices else 'ordered'} from {SAMPLE} evenly spaced queries"


def _count(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"
