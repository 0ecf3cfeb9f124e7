"""Which model it is, as plain data; importing this must stay quick."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Description:
    """Which model it is."""

    name: str
    title: str
    kind: str  # what it reads: "text", "causal" (writes on), "sequence" (reads and writes), "image" or "image-text"
    authors: str
    licence: str
