"""How a filter or a pattern of attributions behaves: where, how often, and on which strand its sites lie.

All of it is about the held-out sequences that sites are counted in, and the sites that exceed the background's
threshold. Shares have Wilson's interval (Journal of the American Statistical Association 22:209, 1927), the enrichment
that of a ratio of two shares on the logarithmic scale, half a sequence added to each number (Katz et al., Biometrics
34:469, 1978; Walter, Biometrika 62:371, 1975).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.motifs.filters import Scan
    from motifloom.motifs.motif import Motif

BEHAVIOUR_SCHEMA = {
    "motif": pl.String,
    "sequences": pl.Int64,
    "share": pl.Float64,
    "background": pl.String,
    "background_share": pl.Float64,
    "enrichment": pl.Float64,
    "enrichment_low": pl.Float64,
    "enrichment_high": pl.Float64,
    "sites_per_sequence": pl.Float64,
    "plus_share": pl.Float64,
    "plus_low": pl.Float64,
    "plus_high": pl.Float64,
    "distance": pl.Float64,
    "central_share": pl.Float64,
    "central_low": pl.Float64,
    "central_high": pl.Float64,
    "profile": pl.String,
}

PROFILE_BINS = 20
"""The profile divides sequences into so many parts of the same length."""


def behaviour(motifs: Sequence[Motif], scan: Scan, confidence: float) -> pl.DataFrame:
    """Tell how filters or patterns behave; a row for each of their `motifs` that has a site, in the given order.

    Parameters
    ----------
    scan
        With them, all of one network.
    confidence
        The level of the intervals, 0 to 1.

    Returns
    -------
    Table with the columns of :data:`BEHAVIOUR_SCHEMA`.
    """
    sites = scan.sites.of(scan.chosen[scan.sites.row])
    length = scan.lengths[sites.row]
    centre = sites.start + scan.width // 2
    place = (centre + 0.5) / length  # of the site's centre, 0 to 1
    from_middle = np.abs(centre - (length - 1) / 2)
    bins = np.clip((place * PROFILE_BINS).astype(int), 0, PROFILE_BINS - 1)
    best = sites.best
    number = int(scan.chosen.sum())
    rows = []
    for motif in motifs:
        unit = motif.unit
        mine = sites.unit == unit
        found = mine & best
        count = int(found.sum())
        if not count:
            continue
        against = scan.against[unit]
        plus, central = int((~sites.minus[found]).sum()), int((np.abs(place[found] - 0.5) <= 0.25).sum())
        rows.append(
            (
                motif.name,
                count,
                count / number,
                against.name,
                float(against.with_site[unit]) / against.size if against.size else None,
                *ratio_interval(count, number, int(against.with_site[unit]), against.size, confidence),
                float(mine.sum()) / count,
                *(share_interval(plus, count, confidence) if scan.both_strands else (None, None, None)),
                float(np.median(from_middle[found])),
                *share_interval(central, count, confidence),
                ",".join(map(str, np.bincount(bins[found], minlength=PROFILE_BINS))),
            )
        )
    return pl.DataFrame(rows, schema=BEHAVIOUR_SCHEMA, orient="row")


def share_interval(count: int, number: int, confidence: float) -> tuple[float, float, float]:
    """Return the share of `count` in `number`, at least 1, and Wilson's interval of it."""
    z = norm.ppf((1 + confidence) / 2)
    share = count / number
    middle = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z / (1 + z**2 / number) * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    return share, min(share, float(middle - half)), max(share, float(middle + half))


def ratio_interval(
    count: int, number: int, other_count: int, other_number: int, confidence: float
) -> tuple[float, float, float]:
    """Return the ratio of two shares, half a sequence added to every number, and its interval."""
    share, other = (count + 0.5) / (number + 0.5), (other_count + 0.5) / (other_number + 0.5)
    error = np.sqrt(1 / (count + 0.5) - 1 / (number + 0.5) + 1 / (other_count + 0.5) - 1 / (other_number + 0.5))
    width = norm.ppf((1 + confidence) / 2) * error
    return share / other, float(share / other * np.exp(-width)), float(share / other * np.exp(width))
