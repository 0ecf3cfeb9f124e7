"""The explorer's payload as bytes; viz/explorer/js/payload.js takes it apart."""

import json
import struct
from collections.abc import Mapping

import numpy as np


def pack(header: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> bytes:
    """u32 length of the header, the header as JSON, the arrays' bytes (each at a multiple of 8 after the header).

    The header gets "blobs": the name, type, offset and bytes of each array.
    """
    blobs, parts, offset = [], [], 0
    for name, array in arrays.items():
        if array.dtype == np.float64:  # of a model that ran in it; the explorer reads float32
            array = array.astype(np.float32)
        data = np.ascontiguousarray(array).tobytes()
        blobs.append((name, str(array.dtype), offset, len(data)))
        parts.append(data + b"\0" * (-len(data) % 8))
        offset += len(parts[-1])
    text = json.dumps({**header, "blobs": blobs}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(parts)
