"""Writes a picture's pixels as PNG (ISO/IEC 15948), without a filter.

Pillow tries five filters on each row, which takes twice as long for a picture of lines and letters.
The pictures of the labs are from 8% smaller to 15% larger without.
"""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB = 2  # colour type
EIGHT_BITS = 8


def png_of(pixels: np.ndarray, compress_level: int = 6) -> bytes:
    """Return the PNG of ``uint8 (height, width, 3)``: the bytes depend on nothing else."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter, 0: none
    rows[:, 1:] = pixels.reshape(height, -1)
    size = struct.pack(">IIBBBBB", width, height, EIGHT_BITS, RGB, 0, 0, 0)
    data = zlib.compress(rows, compress_level)
    return SIGNATURE + _chunk(b"IHDR", size) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
