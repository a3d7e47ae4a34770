"""What a run on simulated data found, held against the truth: motifs, their sites, and the distance of pairs.

python benchmarks/planted.py RESULTS

For every simulated dataset of a finished run. A consensus motif is right where it is like a planted one; its sites are
those of the filter that leads it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from motifloom import config, jaspar
from motifloom.motifs.matching import likeness, read_database
from motifloom.motifs.meme import read_meme
from motifloom.motifs.motif import Motif


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    results = parser.parse_args().results
    settings = config.read(results / "config.yaml")
    for dataset in settings.simulated():
        planted = jaspar.fetch(settings.datasets[dataset].simulate.motifs)
        table = pl.read_csv(results / dataset / "consensus.tsv", separator="\t", infer_schema_length=None)
        matrices = read_meme(results / dataset / "consensus.meme")
        motifs = [Motif(name, 0, 0, matrices[name], 1000, dead=False) for name in table["motif"]]
        motifs += [Motif(one.identifier, 0, 0, one.ppm, 1000, dead=False) for one in planted]
        alike = likeness(motifs, read_database(settings.database(dataset)), settings.seed).same
        same = alike[: len(table), len(table) :]  # (consensus motifs, planted ones)
        named = (table["match_q"].fill_null(1.0) < 0.05).to_numpy()
        relied = table["relied_on"].is_not_null().to_numpy()
        for told, chosen in (("with a name", named), ("with a name, relied on", named & relied)):
            right, recall = same[chosen].any(axis=1).sum(), same[chosen].any(axis=0).sum()
            print(
                f"{dataset}: {chosen.sum()} motifs {told}: {right} like a planted one; {recall} of {len(planted)} found"
            )
        for column, one in enumerate(planted):
            rows = np.flatnonzero(same[:, column] & named).tolist()
            if rows:
                errors = site_errors(results, dataset, one, table.row(rows[0], named=True))
                print(f"  {one.name}: motif {rows[0] + 1} by importance; {errors}")
        for path in sorted((results / dataset).glob("*/pairs.tsv")):
            pairs = pl.read_csv(path, separator="\t", infer_schema_length=None).filter(
                pl.col("q_value").cast(float) < 0.05
            )
            for best in pairs.sort("pairs", descending=True).head(1).iter_rows(named=True):
                lie = f"{best['distance']} bp apart, {best['orientation']} strand"
                print(f"  {path.parent.name}: {best['pairs']} pairs {lie}; {best['expected_pairs']:.1f} by chance")


def site_errors(results: Path, dataset: str, planted: jaspar.KnownMotif, row: dict[str, object]) -> str:
    """Tell how many planted sites of held-out positives the leader's overlap, and how far their centres lie apart."""
    truth = pl.read_csv(results / dataset / "simulation" / "sites.tsv", separator="\t").filter(motif=planted.identifier)
    examples = pl.read_parquet(results / dataset / "examples.parquet").filter(pl.col("split") != "train")
    held_out = examples.filter(pl.col(examples.columns[-1]) == 1)
    truth = truth.join(held_out.select("chrom", first="start", last="end"), on="chrom").filter(
        pl.col("start") >= pl.col("first"), pl.col("end") <= pl.col("last")
    )
    columns = ["chrom", "begin", "stop", "name", "score", "strand", "id"]
    hits = pl.read_csv(
        results / dataset / str(row["leader_model"]) / "hits.bed.gz",
        separator="\t",
        has_header=False,
        new_columns=columns,
    )
    hits = hits.filter(pl.col("name") == row["leader"]).join(held_out.select("id"), on="id", how="semi")
    both = truth.join(hits.select("chrom", "begin", "stop"), on="chrom").filter(
        pl.col("begin") < pl.col("end"), pl.col("stop") > pl.col("start")
    )
    apart = (both["begin"] + both["stop"] - both["start"] - both["end"]).abs() / 2
    found = both.select("chrom", "start").n_unique()
    right = both.select("chrom", "begin").n_unique()
    return (
        f"{found} of {len(truth)} sites found, {right} of {len(hits)} hits right, "
        f"centres apart by a median of {apart.median():g} bp, at most {apart.max():g}"
    )


if __name__ == "__main__":
    main()
