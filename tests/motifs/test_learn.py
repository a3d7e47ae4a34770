"""From trainings to motifs with evidence, on data whose answer is known."""

from __future__ import annotations

import gzip
import io

import numpy as np
import polars as pl
import pytest
import torch
from Bio import motifs as bio_motifs
from tests.conftest import KINDS, WORDS, dataset_of, planted, table_config

from motifloom.genome import encode
from motifloom.jaspar import KnownMotif
from motifloom.models.predictor import Predictor
from motifloom.motifs.formats import jaspar_text, transfac_text
from motifloom.motifs.hits import write_hits
from motifloom.motifs.importance import importances
from motifloom.motifs.learn import SAME, TURNED, Settings, learn
from motifloom.motifs.matching import read_database
from motifloom.motifs.motif import Motif
from motifloom.training.fit import fit

SETTINGS = Settings(0, ("toy", "cnn"), resamples=200, confidence=0.95)


@pytest.fixture(scope="module")
def trained(toy, toy_config, tmp_path_factory):
    """Two networks trained on a planted CTCF."""
    folder = tmp_path_factory.mktemp("learned")
    return [fit(toy_config, "toy", "cnn", number, toy, folder / str(number))[0] for number in range(2)]


@pytest.fixture(scope="module")
def learned(trained, toy):
    """What they learned."""
    return learn(trained, [], toy, read_database("jaspar-vertebrates"), SETTINGS)


def test_the_planted_motif_is_the_most_important_one_and_has_its_name(learned):
    best = learned.table.row(0, named=True)
    assert best["match"] == "CTCF"
    assert best["match_q"] < 0.05
    assert best["importance"] > best["importance_low"] > 0.02
    assert best["reproducibility"] == 1
    assert learned.motifs[0].name == best["motif"]


def test_there_is_one_motif_a_filter_and_training(learned):
    names = {f"r{replicate}-filter{unit}" for replicate in range(2) for unit in range(16)}
    assert set(learned.table["motif"]) == names
    assert all(motif.ppm.shape[1] == 4 and 1 <= len(motif.ppm) <= 15 for motif in learned.motifs)
    assert learned.table["importance"].is_sorted(descending=True)


def test_a_group_is_of_one_network_and_has_one_importance_and_one_leader(learned):
    table = learned.table
    for (name, replicate), group in table.group_by("group", "replicate"):
        assert group["importance"].n_unique() == group["importance_low"].n_unique() == 1
        assert (group["equivalents"] == len(group) - 1).all()
        assert group.filter(pl.col("duplicate").is_null())["motif"].to_list() == [name]
        assert name.startswith(f"r{replicate}-")
    assert set(table["duplicate"].drop_nulls()) == {SAME, TURNED}  # both strands begin with each enriched motif


def test_behaviour_of_the_planted_motif(learned):
    """It lies at most 15 bp from the centre of a window of 60 bp, on either strand, in every positive."""
    best = learned.table.row(0, named=True)["motif"]
    row = learned.behaviour.row(by_predicate=pl.col("motif") == best, named=True)
    assert row["share"] > 0.5
    assert row["background_share"] <= 0.011
    assert 1 < row["enrichment_low"] < row["enrichment"] < row["enrichment_high"]
    assert row["plus_low"] < 0.5 < row["plus_high"]
    assert row["central_low"] > 0.7
    assert row["distance"] < 12
    profile = list(map(int, row["profile"].split(",")))
    assert sum(profile) == row["sequences"]
    assert sum(profile[:3] + profile[-3:]) < 0.05 * row["sequences"]


def test_behaviour_of_a_pattern_is_that_of_its_sites(learned, trained, toy):
    """The planted matrix as a pattern, whole and narrowed, beside one that is nowhere."""
    database = read_database("jaspar-vertebrates")
    known = next(one.ppm for one in database if one.name == "CTCF")
    ppm = (known + 0.01) / 1.04
    nowhere = np.full((24, 4), 0.02) + 0.92 * np.eye(4)[np.arange(24) % 4]
    patterns = [
        Motif(f"r1-pattern{unit}", 1, unit, matrix, 50, dead=False, source="attribution")
        for unit, matrix in enumerate([ppm[3:14], ppm, nowhere])
    ]
    found = learn(trained, patterns, toy, database, SETTINGS)
    order = [name for name in found.table["motif"] if name in set(found.behaviour["motif"])]
    assert found.behaviour["motif"].to_list() == order
    of_filters = found.behaviour.filter(pl.col("motif").str.contains("filter"))
    assert of_filters.sort("motif").equals(learned.behaviour.sort("motif"))
    narrow, whole = (found.behaviour.row(by_predicate=pl.col("motif") == one.name, named=True) for one in patterns[:2])
    for row in (narrow, whole):
        assert row["share"] > 0.7
        assert row["enrichment_low"] > 5
        assert row["plus_low"] < 0.5 < row["plus_high"]
        assert row["central_low"] > 0.7
        assert row["distance"] < 12
    assert abs(narrow["distance"] - whole["distance"]) < 3
    assert found.behaviour.filter(pl.col("motif") == "r1-pattern2", pl.col("share") > 0.03).is_empty()
    places = found.hits.with_columns(width=pl.col("end") - pl.col("start"))
    for pattern, row in zip(patterns[:2], (narrow, whole), strict=True):
        mine = places.filter(name=pattern.name)
        assert mine["width"].max() == mine["width"].median() == len(pattern.ppm)
        assert mine["id"].n_unique() >= row["sequences"]
    assert found.hits.filter(pl.col("name").str.contains("filter")).equals(learned.hits)
    both = places.filter(name="r1-pattern0").join(places.filter(name="r1-pattern1"), on=["id", "strand"])
    inside = (both["start"] >= both["start_right"]) & (both["end"] <= both["end_right"])
    assert inside.sum() > 0.8 * both["id"].n_unique()  # the narrow one is cut out of the whole one


def test_hits_lie_on_planted_sites(learned, toy, toy_config, tmp_path):
    """Most sites of the motif in held-out positives overlap a planted one, on the strand they say."""
    write_hits(tmp_path / "hits.bed.gz", learned.hits)
    again = tmp_path / "again.bed.gz"
    write_hits(again, learned.hits.sample(fraction=1, shuffle=True, seed=0))
    assert again.read_bytes() == (tmp_path / "hits.bed.gz").read_bytes()
    lines = [line.split("\t") for line in gzip.decompress(again.read_bytes()).decode().splitlines()]
    best = learned.table.row(0, named=True)["motif"]
    mine = [line for line in lines if line[3] == best]
    truth = pl.read_csv(toy_config.fasta("toy").parent / "sites.tsv", separator="\t")
    near = strands = 0
    for chrom, start, end, _name, score, strand, _id in mine:
        assert 0 <= int(score) <= 1000
        over = truth.filter(chrom=chrom).filter(pl.col("start") < int(end), pl.col("end") > int(start))
        near += len(over) > 0
        strands += strand in set(over["strand"])
    assert near > 0.9 * len(mine) > 50
    assert strands > 0.95 * near or strands < 0.05 * near  # the motif is CTCF's, or its reverse complement
    places = [(line[0], int(line[1]), int(line[2])) for line in lines]
    assert places == sorted(places)
    ends = dict(toy.examples.select("id", "end").iter_rows())
    assert all(0 <= int(line[1]) < int(line[2]) <= ends[line[6]] for line in lines)


def test_the_same_seed_gives_the_same_and_another_other_intervals(trained, toy, learned):
    database = read_database("jaspar-vertebrates")
    same = learn(trained, [], toy, database, SETTINGS)
    for name in ("table", "behaviour", "pairs", "hits"):
        assert getattr(same, name).equals(getattr(learned, name))
    other = learn(trained, [], toy, database, Settings(1, ("toy", "cnn"), 200, 0.95))
    assert not other.table["importance_low"].equals(learned.table["importance_low"])


def test_ablating_nothing_costs_nothing_and_all_filters_cost_most(trained, toy):
    groups = {"none": [], "all": list(range(16)), "first": [0]}
    lost = importances(trained[0], toy, groups, 300, 0.9, np.random.default_rng(0))
    assert lost["none"] == (0, 0, 0)
    assert lost["all"].drop == max(one.drop for one in lost.values()) > 0.2
    assert all(one.low <= one.drop <= one.high for one in lost.values())
    assert lost["all"].low > 0.1


def test_other_formats_give_the_motifs_back_through_biopython(learned):
    for text, form in ((jaspar_text(learned.motifs), "jaspar"), (transfac_text(learned.motifs), "transfac")):
        found = bio_motifs.parse(io.StringIO(text), form)
        names = [motif.name if form == "jaspar" else motif["ID"] for motif in found]
        assert names == [motif.name for motif in learned.motifs]
        for one, motif in zip(found, learned.motifs, strict=True):
            counts = np.array([one.counts[base] for base in "ACGT"]).T
            assert counts == pytest.approx(motif.ppm * max(motif.sites, 1), abs=0.006)


# -------------------------------------------------------------------------------------------------- every kind of label


@pytest.fixture(scope="module", params=KINDS)
def of_kind(request, tmp_path_factory):
    """A network trained on two planted words, and its dataset."""
    dataset = planted(request.param)
    config = table_config(request.param, dataset.tasks, seed=2)
    folder = tmp_path_factory.mktemp(request.param)
    return fit(config, "planted", "cnn", 0, dataset, folder / "checkpoints")[0], dataset


def test_planted_words_are_found_whatever_the_kind(of_kind):
    """The most important motif is one of the words, and each word is a motif that matters."""
    predictor, dataset = of_kind
    database = [KnownMotif(word, word, np.eye(4)[encode(word)]) for word in WORDS] + read_database("jaspar-fungi")
    table = learn([predictor], [], dataset, database, SETTINGS).table
    named = table.filter(pl.col("match_q") < 0.05)
    assert table["motif"][0] == named["motif"][0]
    assert named["match"][0] in WORDS
    assert table["reproducibility"].is_null().all()
    for word in WORDS:
        mine = named.filter(match=word)
        assert mine["importance_low"].max() > 0
        assert mine["sites"].max() > 40


def test_without_any_filter_every_kind_is_left_to_chance(of_kind):
    """Nearly: a word is 2 bp longer than what it stands in place of, so a sequence's length tells a little."""
    predictor, dataset = of_kind
    groups = {"none": [], "all": list(range(16))}
    lost = importances(predictor, dataset, groups, 100, 0.95, np.random.default_rng(0))
    assert lost["none"].drop == 0
    assert lost["all"].drop > (0.7 if predictor.kind == "regression" else 0.4)


def test_hits_without_a_genome_count_from_the_sequence(of_kind):
    predictor, dataset = of_kind
    table = learn([predictor], [], dataset, read_database("jaspar-fungi"), SETTINGS).hits
    assert (table["chrom"] == table["id"]).all()
    lengths = dict(zip(dataset.examples["id"], dataset.sequences.lengths.tolist(), strict=True))
    assert all(0 <= start < end <= lengths[name] for name, start, end in table.select("id", "start", "end").iter_rows())


# -------------------------------------------------------------------------------------------------------- nothing there


def test_neither_labels_at_random_nor_an_untrained_network_give_a_motif_a_name(tmp_path):
    random = np.random.default_rng(5)
    sequences = ["".join(random.choice(list("ACGT"), 60)) for _ in range(600)]
    split = random.choice(["train", "validation", "test"], 600, p=[0.5, 0.25, 0.25])
    dataset = dataset_of(sequences, split, {"task 1": random.integers(2, size=600)})
    config = table_config("binary", ["task 1"], seed=2)
    predictor, _ = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
    torch.manual_seed(0)
    untrained = Predictor(config.models["cnn"].model_dump(), "binary", ["task 1"], 60, both_strands=True).eval()
    table = learn([predictor, untrained], [], dataset, read_database("jaspar-vertebrates"), SETTINGS).table
    assert set(table["replicate"]) == {0, 1}
    assert table.filter(pl.col("match_q") < 0.05).is_empty()
