"""Headlens: where does each head of each layer of a transformer look?

`headlens.model` computes and needs no page; `headlens.viz` draws.
"""

from pathlib import Path

# model, viz and assets stand beside this file: in a wheel as folders, in a checkout as links to the folders at its top.
# Git for Windows may write links as small text files; then the folders are looked up where the links would lead.
if not (Path(__file__).parent / "model").is_dir():
    __path__.append(str(Path(__file__).parents[2]))
