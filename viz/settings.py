"""What the one who runs the server may set, by variables of the environment."""

import math
import os

from model.errors import HeadlensError

STORE = "HEADLENS_STORE_GB"


def store_bytes() -> int:
    """Bytes of recordings that are kept in memory: STORE in gigabytes, 2 by default. Raises HeadlensError."""
    written = os.environ.get(STORE, "2")
    try:
        gigabytes = float(written)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < math.inf:
        raise HeadlensError(f"{STORE} must be a number of gigabytes above 0, such as 2, not {written!r}.")
    return round(gigabytes * 1e9)
