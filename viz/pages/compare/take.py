"""What was found about A and B, to be taken away."""

from functools import cache

from headlens.model.comparison.comparison import Head
from headlens.viz.export import package
from headlens.viz.export.comparison import (
    README,
    about_comparison,
    compare_script,
    comparison_npz,
    files_of,
    of_comparison,
    of_difference,
)
from headlens.viz.inputs.pair import PairRequest
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.pages.take_along import take_files


def take_comparison(request: PairRequest, sides: Sides, head: Head, other: Head) -> None:
    """Draw the panel, folded: nothing is made before it is asked for."""
    comparison = sides.comparison
    partners = None if sides.matches is None else sides.partners
    weights = cache(lambda: comparison.beside(*head, other))
    calls = request.a.call, request.b.call
    arrays: package.Files = {
        "comparison.npz": lambda: comparison_npz(
            comparison, sides.divergence, sides.partners, weights=weights(), heads=(head, other)
        )
    }
    again: package.Files = {
        "compare.py": lambda: compare_script(comparison.a, request.models, calls, request.corrections).encode(),
        **files_of(calls),
        "a/recording.safetensors": lambda: package.saved(comparison.a),
        "b/recording.safetensors": lambda: package.saved(comparison.b),
    }
    take_files(
        "compare",
        lambda: [
            of_comparison(sides.divergence, partners),
            *of_difference(comparison, weights(), head, other),
        ],
        about_comparison(comparison, head, other),
        rows={"The arrays": arrays, "How to compare again": {"compare.py": again["compare.py"]}},
        others=again,
        size=comparison.a.nbytes + comparison.b.nbytes,
        readme=README,
    )
