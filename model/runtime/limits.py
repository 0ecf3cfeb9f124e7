"""What the one who runs the server may set, by variables of the environment."""

import math
import os

from headlens.model.errors import HeadlensError

STORE, MODELS = "HEADLENS_STORE_GB", "HEADLENS_MODELS_GB"


def store_bytes() -> int:
    """Bytes of recordings that are kept in memory: STORE in gigabytes, 2 by default. Raises HeadlensError."""
    return _bytes(STORE, "2")


def models_bytes() -> int:
    """Bytes of models that are held in memory: MODELS in gigabytes, 4 by default. Raises HeadlensError."""
    return _bytes(MODELS, "4")


def _bytes(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < math.inf:
        raise HeadlensError(f"{name} must be a number of gigabytes above 0, such as {default}, not {text!r}.")
    return round(gigabytes * 1e9)
