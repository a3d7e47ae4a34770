from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.conftest import simulated_config

from motifloom import jaspar
from motifloom.data.simulate import base_frequencies, sample_site, simulate
from motifloom.errors import InputError
from motifloom.genome import decode, reverse_complement


def test_the_truth_says_where_the_sites_are(toy, toy_config):
    sites = pl.read_csv(toy_config.fasta("toy").parent / "sites.tsv", separator="\t")
    assert len(sites) == 330
    motif = jaspar.fetch(["MA0139.2"])[0]
    starts = sites["chrom"].replace_strict(toy.genome.offsets).to_numpy() + sites["start"].to_numpy()
    codes = toy.genome.windows(starts, len(motif.ppm))
    minus = (sites["strand"] == "-").to_numpy()
    codes[minus] = reverse_complement(codes[minus])
    counted = (codes[:, :, None] == np.arange(4)).mean(axis=0)
    assert np.abs(counted - motif.ppm).max() < 0.1
    assert 0.4 < minus.mean() < 0.6


def test_every_positive_holds_its_site_and_no_negative_does(toy, toy_config):
    sites = pl.read_csv(toy_config.fasta("toy").parent / "sites.tsv", separator="\t").select("chrom", "start", "end")
    held = toy.examples.join(sites, on="chrom", suffix="_site").filter(
        (pl.col("start_site") >= pl.col("start")) & (pl.col("end_site") <= pl.col("end"))
    )
    assert held["toy"].to_list() == [1] * 330
    touched = toy.examples.join(sites, on="chrom", suffix="_site").filter(
        (pl.col("start_site") < pl.col("end")) & (pl.col("end_site") > pl.col("start")) & (pl.col("toy") == 0)
    )
    assert touched.is_empty()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    config = simulated_config(tmp_path)
    for folder in ("one", "other"):
        simulate("toy", config.datasets["toy"], 5, tmp_path / folder)
    simulate("toy", config.datasets["toy"], 6, tmp_path / "different")
    for name in ("genome.fa", "regions.bed", "sites.tsv"):
        one, other, different = ((tmp_path / f / name).read_bytes() for f in ("one", "other", "different"))
        assert one == other != different


def test_a_motif_of_certain_bases_gives_itself():
    ppm = np.eye(4)[[2, 0, 3, 3, 1]]
    assert decode(sample_site(ppm, np.random.default_rng(0))) == "GATTC"


def test_background_frequencies():
    assert base_frequencies(0.4).tolist() == pytest.approx([0.3, 0.2, 0.2, 0.3])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"jitter": 25}, "datasets.toy.simulate.jitter: a site of 15 bp up to 25 bp from the centre"),
        ({"chromosome_length": 9000}, "datasets.toy.simulate.chromosome_length: 330 windows of 60 bp"),
        ({"motifs": ["MA0139.2", "MA9999.9"]}, "'MA9999.9' is no matrix of JASPAR2026"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, change, problem):
    config = simulated_config(tmp_path)
    section = config.datasets["toy"]
    section = section.model_copy(update={"simulate": section.simulate.model_copy(update=change)})
    with pytest.raises(InputError, match=problem):
        simulate("toy", section, 0, tmp_path)
    assert list(tmp_path.iterdir()) == []
