"""Tables in Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence


def parquet(columns: Mapping[str, Sequence[object]]) -> bytes:
    """Return a table in Parquet."""
    # They take 40 MB: only workers that make tables load them.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    target = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), target)
    return target.getvalue()
