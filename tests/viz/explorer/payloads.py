"""What the explorer element is sent, taken apart as its JavaScript does, and the weights computed from it."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Payload:
    """The header, and each blob by its name, flat as it travels."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def tokens(self) -> int:
        """How many there are."""
        return len(self.header["tokens"])

    def weights(self) -> np.ndarray:
        """[query, key] of the head that is seen, by the formula in float64, or of the heads made one."""
        if "matrix" in self.arrays:
            matrix = self.arrays["matrix"].reshape(self.tokens, self.tokens).astype(np.float64)
            return matrix if "rowMax" not in self.arrays else matrix / 255 * self.arrays["rowMax"][:, None]
        scores = np.zeros((self.tokens, self.tokens))
        if "query" in self.arrays:  # else the scores are all in the mask
            query, key = (self.arrays[name].reshape(self.tokens, -1).astype(np.float64) for name in ("query", "key"))
            scores = self.header["scale"] * query @ key.T
        if "mask" in self.arrays:
            scores += self.arrays["mask"].reshape(-1, self.tokens)
        if self.header["causal"]:
            scores[~np.tri(self.tokens, dtype=bool)] = -np.inf
        sums = self.arrays["lse"].astype(np.float64)[:, None]
        return np.exp(scores - np.where(np.isinf(sums), 0, sums))

    def seen(self) -> np.ndarray:
        """[token] what the pinned token looks at, or by what it is looked at."""
        if "row" in self.arrays:
            return self.arrays["row"]
        view = self.header["view"]
        chosen = view["queries"] or [view["query"]]
        if view["direction"] == "at":
            return self.weights()[chosen].mean(axis=0)
        return self.weights()[:, chosen].sum(axis=1)

    def preview(self) -> np.ndarray:
        """[layer, head, token] the same of every head: in levels, but exact on special tokens."""
        shape = self.header["layers"], self.header["heads"]
        special = np.array(self.header["special"], dtype=bool)
        tops = self.arrays["tops"].reshape(*shape, 1).astype(np.float64)
        weights = self.arrays["preview"].reshape(*shape, -1) / 255 * tops
        weights[..., special] = self.arrays["previewSpecial"].reshape(*shape, -1)
        return weights


def unpack(data: bytes) -> Payload:
    """Length of the header, header, blobs: each of a type that JavaScript's reader knows, none over another."""
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    arrays, free = {}, 0
    for name, dtype, offset, size in header["blobs"]:
        assert dtype in ("float32", "int32", "uint8"), name
        assert offset >= free
        assert offset % 8 == 0
        free = offset + size
        start = 4 + length + offset
        assert start + size <= len(data)
        arrays[name] = np.frombuffer(data[start : start + size], dtype)
    return Payload(header, arrays)


def side_of(pair: Payload, side: int) -> Payload:
    """A (0) or B (1) of two heads side by side, as if it had been sent alone."""
    letter = "AB"[side]
    arrays = {name[:-1]: array for name, array in pair.arrays.items() if name.endswith(letter)}
    return Payload(pair.header["sides"][side], arrays)


def places_of(pair: Payload, side: int) -> np.ndarray:
    """[place, position] which share of a position is in a place."""
    arrays = side_of(pair, side).arrays
    shares = np.zeros((len(pair.header["names"]), side_of(pair, side).tokens))
    shares[arrays["place"], arrays["position"]] = arrays["share"]
    return shares


def pair_weights(pair: Payload) -> tuple[np.ndarray, np.ndarray]:
    """[place, place] of A's head, and of B's, by the formula."""
    found = []
    for side in (0, 1):
        shares = places_of(pair, side)
        rows = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
        found.append(rows @ side_of(pair, side).weights() @ shares.T)
    return found[0], found[1]
