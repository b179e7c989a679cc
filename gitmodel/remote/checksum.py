"""CRC-32, by the processor's own instructions where there is a library for that."""

from __future__ import annotations

try:
    from isal.isal_zlib import crc32
except ImportError:
    # The same, at a tenth of the speed.
    from zlib import crc32

__all__ = ["crc32"]
