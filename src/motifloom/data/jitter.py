"""How far training may shift each window: `jitter`, but never to bases that its window must not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.territory import Intervals

if TYPE_CHECKING:
    from motifloom.data.territory import Places


def with_room(windows: pl.DataFrame, jitter: int, free: Intervals) -> pl.DataFrame:
    """Give windows room to be shifted by `jitter` bp to either side, as far as they stay within a stretch of `free`.

    Parameters
    ----------
    windows
        With ``offset``, the place of the first base in the packed genome, and ``length``.

    Returns
    -------
    The windows with ``before`` and ``after``, in bp; 0 where a window does not lie within a stretch.
    """
    start = windows["offset"].to_numpy()
    end = start + windows["length"].to_numpy()
    before, after = np.zeros((2, len(windows)), dtype=np.int64)
    inside = free.hold(start, end)
    stretch = np.searchsorted(free.starts, start[inside], side="right") - 1
    before[inside] = np.minimum(start[inside] - free.starts[stretch], jitter)
    after[inside] = np.minimum(free.ends[stretch] - end[inside], jitter)
    return windows.with_columns(before=before, after=after)


def keeping_centres(windows: pl.DataFrame, centres: Places) -> pl.DataFrame:
    """Lessen the room of windows to shifts at which they hold the centres that they hold, and no other.

    Parameters
    ----------
    windows
        With ``offset``, ``length``, ``before`` and ``after``.
    centres
        Places in the packed genome, ascending.
    """
    start = windows["offset"].to_numpy()
    end = start + windows["length"].to_numpy()
    first, behind = np.searchsorted(centres, start), np.searchsorted(centres, end)
    far = np.iinfo(np.int64).max // 2
    known = np.concatenate([[-far], centres, [far]])  # the centre i stands at i + 1
    after = np.minimum(known[first + 1] - start, known[behind + 1] - end)
    before = np.minimum(end - 1 - known[behind], start - 1 - known[first])
    return windows.with_columns(
        pl.min_horizontal("before", pl.Series(before)), pl.min_horizontal("after", pl.Series(after))
    )


def apart_from_held_out(records: pl.DataFrame) -> pl.DataFrame:
    """Take from the training windows' room what windows of validation and test cover, and from these all of theirs.

    Parameters
    ----------
    records
        With the columns of :data:`~motifloom.data.examples.RECORD_SCHEMA`; what lies in no genome has no room.
    """
    train, start = pl.col("split") == "train", pl.col("offset")
    held_out = records.filter(~pl.col("own"), ~train).select(start=start, end=start + pl.col("length"))
    taken = Intervals.of(held_out["start"].to_numpy(), held_out["end"].to_numpy())
    everything = Intervals(np.array([0]), np.array([np.iinfo(np.int64).max]))
    apart = with_room(records, np.iinfo(np.int64).max, everything.minus(taken))
    lessened = {name: pl.min_horizontal(name, apart[name]) for name in ("before", "after")}
    in_genome = ~pl.col("own")
    return records.with_columns(
        pl.when(in_genome & train).then(room).when(in_genome).then(0).alias(name) for name, room in lessened.items()
    )
