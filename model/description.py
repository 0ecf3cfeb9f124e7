"""Which model it is, as plain data; importing this must stay quick."""

from dataclasses import dataclass, field

SHORT = 12  # hexadecimal digits of a sha256 or a commit that tell it from others


@dataclass(frozen=True)
class Description:
    """Which model it is."""

    name: str
    title: str
    # What it reads: "text", "characters" (in groups), "causal" (writes on), "sequence" (reads and writes), "image",
    # "image-text", or "caption" (reads an image, and writes of it)
    kind: str
    authors: str
    licence: str
    revision: str = field(default="", kw_only=True)  # which weights: "sha256 53aa51172d14", or the Hub's commit
