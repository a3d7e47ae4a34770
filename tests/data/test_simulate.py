"""What a simulation writes, held against the files alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyfaidx import Fasta

from motifloom import jaspar
from motifloom.config import SimulatedDataset, validate
from motifloom.data.arrangements import arrangements
from motifloom.data.simulate import base_frequencies, check_fit, draw_background, sample_sites, simulate
from motifloom.errors import InputError
from motifloom.genome import decode, encode, reverse_complement
from motifloom.jaspar import KnownMotif

if TYPE_CHECKING:
    from pathlib import Path

CTCF, GABPA, AP1 = "MA0139.2", "MA0062.4", "MA0099.4"  # 15, 10 and 9 bp


def dataset(window: int = 100, negatives: str = "decoys", per_positive: int = 1, **simulation: Any) -> SimulatedDataset:
    """Return 600 positives of a rule on 5 chromosomes."""
    settings_of = {"motifs": [CTCF], "positives": 600, "chromosomes": 5, "chromosome_length": 60_000, "jitter": 30}
    return SimulatedDataset.model_validate(
        {
            "simulate": settings_of | simulation,
            "window": window,
            "negatives": negatives,
            "negatives_per_positive": per_positive,
            "split": {"validation": ["chr4"], "test": ["chr5"]},
        }
    )


PAIR = {"rule": "pair", "motifs": [CTCF, GABPA], "spacing": [15, 25], "decoy_spacing": [30, 40], "jitter": 20}
RULES = {
    "any": dataset(motifs=[CTCF, GABPA]),
    "pair": dataset(per_positive=2, **PAIR),
    "count": dataset(motifs=[CTCF, GABPA], rule="count", sites=3, decoy_sites=2),
    "noise": dataset(rule="count", sites=2, decoy_sites=1, noise=0.2),
    "odd": dataset(window=71, motifs=[GABPA], noise=0.1),
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Simulate each of the rules once and return their folders."""
    folders = {name: tmp_path_factory.mktemp(name) for name in RULES}
    for name, section in RULES.items():
        simulate(name, section, 0, folders[name])
    return folders


def read_regions(folder: Path) -> pl.DataFrame:
    tables = [
        pl.read_csv(folder / file, separator="\t", has_header=False, new_columns=["chrom", "start", "end", "truth"])
        .with_columns(label=pl.lit(label))
        for label, file in ((1, "regions.bed"), (0, "negatives.bed"))
        if (folder / file).exists()
    ]  # fmt: skip
    return pl.concat(tables).with_columns(centre=(pl.col("start") + pl.col("end")) // 2)


def read_sites(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "sites.tsv", separator="\t")


@pytest.mark.parametrize("rule", RULES)
def test_the_genome_spells_the_sites_of_the_truth(simulated, rule):
    genome = Fasta(simulated[rule] / "genome.fa")
    assert {record.name: len(record) for record in genome} == {f"chr{number}": 60_000 for number in range(1, 6)}
    sites = read_sites(simulated[rule])
    for motif in jaspar.fetch(RULES[rule].simulate.motifs):
        mine = sites.filter(pl.col("motif") == motif.identifier)
        assert (mine["name"] == motif.name).all()
        assert (mine["end"] - mine["start"] == len(motif.ppm)).all()
        spelled = [
            str(-genome[chrom][start:end] if strand == "-" else genome[chrom][start:end])
            for chrom, start, end, strand in mine.select("chrom", "start", "end", "strand").iter_rows()
        ]
        counted = (np.array([encode(site) for site in spelled])[:, :, None] == np.arange(4)).mean(axis=0)
        error = np.sqrt(motif.ppm * (1 - motif.ppm) / len(mine))
        assert (np.abs(counted - motif.ppm) <= 5 * error).all()


@pytest.mark.parametrize("rule", RULES)
def test_windows_do_not_overlap_and_hold_their_own_sites_alone(simulated, rule):
    section = RULES[rule]
    regions = read_regions(simulated[rule]).with_columns(first=pl.col("centre") - section.window // 2)
    regions = regions.with_columns(last=pl.col("first") + section.window).sort("chrom", "first")
    assert regions["first"].min() >= 0
    assert regions["last"].max() <= 60_000
    gaps = regions.with_columns(next=pl.col("first").shift(-1).over("chrom")).drop_nulls("next")
    assert (gaps["next"] >= gaps["last"]).all()
    sites = read_sites(simulated[rule])
    own = sites.join(regions, left_on=["chrom", "region"], right_on=["chrom", "start"], how="left", suffix="_of_region")
    assert ((own["start"] >= own["first"]) & (own["end"] <= own["last"])).all()
    assert (own["label"] == own["label_of_region"]).all()
    assert (own["truth"] == (own["truth_of_region"] == "positive").cast(pl.Int64)).all()
    assert own.select("chrom", "start").equals(sites.select("chrom", "start").sort("chrom", "start"))


@pytest.mark.parametrize("rule", RULES)
def test_every_region_has_the_sites_of_its_truth(simulated, rule):
    section = RULES[rule]
    regions = read_regions(simulated[rule])
    counted = regions["truth"].value_counts().rows_by_key("truth", unique=True)
    assert counted == {"positive": (600,), "decoy": (600 * section.negatives_per_positive,)}
    found = read_sites(simulated[rule]).group_by("chrom", "region").len("sites")
    joined = regions.join(found, left_on=["chrom", "start"], right_on=["chrom", "region"], how="left").fill_null(0)
    wanted = {"any": (1, 0), "pair": (2, 2), "count": (3, 2), "noise": (2, 1), "odd": (1, 0)}[rule]
    for truth, number in zip(("positive", "decoy"), wanted, strict=True):
        assert (joined.filter(pl.col("truth") == truth)["sites"] == number).all()


def test_sites_of_a_count_do_not_overlap_and_are_of_even_motifs_and_strands(simulated):
    sites = read_sites(simulated["count"]).sort("chrom", "start")
    following = sites.with_columns(next=pl.col("start").shift(-1).over("chrom", "region")).drop_nulls("next")
    assert (following["next"] >= following["end"]).all()
    assert len(sites) == 600 * (3 + 2)
    for column, value in (("motif", CTCF), ("strand", "-")):
        assert (sites[column] == value).mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / len(sites)))


def test_pairs_have_the_order_and_spacing_of_their_truth(simulated):
    """Read off the sites alone: the centre of CTCF is its 8th of 15 bases, that of GABPA its 6th of 10."""
    sites = read_sites(simulated["pair"])
    minus, ctcf = pl.col("strand") == "-", pl.col("motif") == CTCF
    column = pl.when(ctcf).then(7).otherwise(5)
    sites = sites.with_columns(at=pl.when(minus).then(pl.col("end") - 1 - column).otherwise(pl.col("start") + column))
    keys = ["chrom", "region", "truth", "strand"]
    of_ctcf, of_gabpa = sites.filter(ctcf).select(*keys, "at"), sites.filter(~ctcf).select(*keys, "at")
    pairs = of_ctcf.join(of_gabpa, on=keys, suffix="_gabpa")
    assert len(pairs) == 600 * 3  # both sites of a pair are on one strand
    ahead = (pairs["at_gabpa"] - pairs["at"]) * np.where(pairs["strand"] == "-", -1, 1)
    truth = pairs["truth"].to_numpy()
    assert set(ahead.filter(truth == 1)) == set(range(15, 26))
    assert set(ahead.filter(truth == 0)) == set(range(-25, -14)) | set(range(30, 41))
    assert (ahead.filter(truth == 0) < 0).mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 1200))
    assert (pairs["strand"] == "-").mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 1800))


def test_noise_flips_labels_of_both_classes_alike(simulated):
    regions = read_regions(simulated["noise"])
    for truth, label in (("positive", 0), ("decoy", 1)):
        wrong = (regions.filter(pl.col("truth") == truth)["label"] == label).mean()
        assert wrong == pytest.approx(0.2, abs=5 * np.sqrt(0.2 * 0.8 / 600))
    regions = read_regions(simulated["count"])
    assert (regions["truth"] == "positive").cast(pl.Int32).to_list() == regions["label"].to_list()


def test_negatives_from_the_genome_are_no_decoys(tmp_path):
    simulate("toy", dataset(negatives="gc-matched"), 0, tmp_path)
    assert (tmp_path / "negatives.bed").read_bytes() == b""
    assert len((tmp_path / "regions.bed").read_text().splitlines()) == len(read_sites(tmp_path)) == 600


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    section = RULES["noise"]
    for folder, name, seed in (("one", "toy", 5), ("same", "toy", 5), ("seed", "toy", 6), ("name", "other", 5)):
        simulate(name, section, seed, tmp_path / folder)
    for name in ("genome.fa", "regions.bed", "negatives.bed", "sites.tsv"):
        one, same, seed, other = ((tmp_path / f / name).read_bytes() for f in ("one", "same", "seed", "name"))
        assert one == same
        assert len({one, seed, other}) == 3


def test_a_motif_of_certain_bases_gives_itself():
    ppm = np.eye(4)[[2, 0, 3, 3, 1]]
    assert [decode(site) for site in sample_sites(ppm, 3, np.random.default_rng(0))] == ["GATTC"] * 3
    assert decode(reverse_complement(sample_sites(ppm, 1, np.random.default_rng(0))[0])) == "GAATC"


def test_the_background_has_its_frequencies():
    assert base_frequencies(0.4).tolist() == pytest.approx([0.3, 0.2, 0.2, 0.3])
    codes = draw_background(2_100_000, 0.4, np.random.default_rng(0))
    assert np.bincount(codes) / len(codes) == pytest.approx(base_frequencies(0.4), abs=0.002)
    following = codes[1:][codes[:-1] == 2]  # independent of the base before
    assert np.bincount(following) / len(following) == pytest.approx(base_frequencies(0.4), abs=0.005)


# ------------------------------------------------------------------------------------------------------ what fits


def test_a_window_no_longer_than_its_sites_allow_is_filled_to_the_edge(tmp_path):
    section = dataset(window=19, motifs=[CTCF], jitter=2, chromosome_length=60 * 2 * 19 * 2)
    simulate("toy", section, 0, tmp_path)
    sites = read_sites(tmp_path)
    regions = read_regions(tmp_path)
    joined = sites.join(regions, left_on=["chrom", "region"], right_on=["chrom", "start"])
    assert set(joined["start"] - (joined["centre"] - 9)) == set(range(5))  # of 15 bp in 19
    assert (regions["end"] - regions["start"] == 19).all()


LEAVES = "bp from the centre leaves the window of"
NO_ROOM = "negative ones do not fit on 5 chromosomes of"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            dataset(jitter=45),
            {"simulate.jitter": (f"a site of 15 bp up to 45 {LEAVES} 100 bp", "most 42, or a window of at least 105")},
        ),
        (
            dataset(window=12),
            {"window": (f"a site of 15 bp up to 30 {LEAVES} 12 bp", "least 75")},
        ),
        (
            dataset(chromosome_length=9000),
            {
                "simulate.chromosome_length": (
                    f"600 positive windows of 100 bp and 600 {NO_ROOM} 9000 bp", "least 24000"
                )
            },
        ),
        (
            dataset(chromosome_length=9000, negatives="random", per_positive=2),
            {
                "simulate.chromosome_length": (
                    f"600 positive windows of 100 bp and 1200 {NO_ROOM} 9000 bp", "least 72000"
                )
            },
        ),
        (
            dataset(**PAIR | {"spacing": [11, 12], "decoy_spacing": [3, 8], "window": 40, "chromosome_length": 5000}),
            {
                "simulate.spacing": ("sites of 15 and 10 bp overlap with their centres 11 bp apart", "least 13"),
                "simulate.decoy_spacing": ("sites of 15 and 10 bp overlap with their centres 3 bp apart", "least 13"),
                "simulate.jitter": (f"a pair of 26 bp up to 20 {LEAVES} 40 bp", "most 7, or a window of at least 66"),
                "simulate.chromosome_length": (
                    f"600 positive windows of 40 bp and 600 {NO_ROOM} 5000 bp", "least 9600"
                ),
            },
        ),
        (
            dataset(rule="count", sites=5, jitter=10, window=74, chromosome_length=2000),
            {
                "simulate.jitter": (
                    "5 sites of 15 bp overlap with their centres at most 10 bp from the region's", "least 30"
                ),
                "window": (f"a site of 15 bp up to 30 {LEAVES} 74 bp", "least 75"),
                "simulate.chromosome_length": (
                    f"600 positive windows of 75 bp and 600 {NO_ROOM} 2000 bp", "least 18000"
                ),
            },
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_all_at_once(tmp_path, section, told):
    with pytest.raises(InputError) as error:
        simulate("toy", section, 0, tmp_path)
    assert error.value.problems == [
        f"datasets.toy.{key}: {what}; expected at {value}" for key, (what, value) in told.items()
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("simulation", "negatives", "problem"),
    [
        ({"motifs": [CTCF, AP1, CTCF]}, "decoys", ".simulate: motifs: MA0139.2 stands twice"),
        ({"rule": "pair"}, "decoys", ".simulate: motifs: the rule pair plants 2, found 1"),
        (PAIR | {"decoy_spacing": [25, 30]}, "decoys", ".simulate: decoy_spacing: overlaps spacing; expected ranges"),
        (PAIR | {"spacing": [25, 15]}, "decoys", ".simulate: spacing: expected the least before the most"),
        (
            {"rule": "count", "sites": 2, "decoy_sites": 2},
            "decoys",
            ".simulate: decoy_sites: expected fewer than sites",
        ),
        ({"sites": 4}, "decoys", ".simulate: sites: belongs to the rule count; the rule any has no use for it"),
        ({"noise": 0.5}, "decoys", ".simulate.noise: input should be less than 0.5"),
        ({"noise": 0.1}, "gc-matched", ": negatives: gc-matched suit the rule any without noise alone"),
        (PAIR, "random", ": negatives: random suit the rule any without noise alone"),
        ({"positives": 4}, "decoys", ": 4 positives on 5 chromosomes leave some without any"),
        ({"chromosomes": 4}, "decoys", ": the split names chr5; the simulation makes chr1 to chr4"),
    ],
)
def test_a_simulation_that_makes_no_sense_is_refused(simulation, negatives, problem):
    section = dataset().model_dump() | {"negatives": negatives}
    section["simulate"] = {"motifs": [CTCF], "chromosomes": 5, "jitter": 30} | simulation
    with pytest.raises(InputError, match=re.escape(f"datasets.toy{problem}")):
        validate({"datasets": {"toy": section}})


def test_an_unknown_motif_is_told(tmp_path):
    with pytest.raises(InputError, match=r"datasets\.toy\.simulate\.motifs: 'MA9999\.9' is no matrix of JASPAR2026"):
        simulate("toy", dataset(motifs=[CTCF, "MA9999.9"]), 0, tmp_path)


@st.composite
def sections(draw) -> tuple[SimulatedDataset, list[KnownMotif]]:
    """Draw a simulation, which may fit or not, and motifs of any widths."""
    rule = draw(st.sampled_from(["any", "pair", "count"]))
    widths = draw(st.lists(st.integers(1, 12), min_size=2, max_size=2 if rule == "pair" else 4))
    simulation: dict[str, Any] = {
        "rule": rule,
        "motifs": [f"M{number}" for number in range(len(widths))],
        "jitter": draw(st.integers(0, 30)),
        "chromosome_length": draw(st.integers(10, 40)) * 100,
        "positives": 30,
    }
    if rule == "pair":
        least, extent, gap = draw(st.integers(1, 15)), draw(st.integers(0, 5)), draw(st.integers(1, 5))
        ranges = [[least, least + extent], [least + extent + gap, least + extent + gap + 4]]
        simulation |= dict(zip(("spacing", "decoy_spacing"), draw(st.permutations(ranges)), strict=True))
    if rule == "count":
        simulation["sites"] = draw(st.integers(2, 6))
    per_positive = draw(st.integers(1, 3))
    negatives = draw(st.sampled_from(["decoys", "random"])) if rule == "any" else "decoys"
    section = dataset(draw(st.integers(10, 90)), negatives, per_positive, **simulation)
    ppms = [np.full((width, 4), 0.25) for width in widths]
    return section, [KnownMotif(f"M{number}", "", ppm) for number, ppm in enumerate(ppms)]


def problems_of(section: SimulatedDataset, motifs: list[KnownMotif]) -> list[str]:
    try:
        check_fit("toy", section, motifs)
    except InputError as error:
        return error.problems
    return []


@given(sections(), st.integers(0, 1000))
@settings(deadline=None, max_examples=200)
def test_what_passes_the_check_has_its_sites_within_the_window_and_apart(case, seed):
    section, motifs = case
    assume(not problems_of(section, motifs))
    widths = np.array([len(motif.ppm) for motif in motifs])
    first, last = -(section.window // 2), section.window - section.window // 2
    for kinds in arrangements(section).values():
        for kind in kinds:
            sites = kind.draw(widths, section.simulate.jitter, 200, np.random.default_rng(seed))
            ends = sites.start + widths[sites.motif]
            assert (sites.start >= first).all()
            assert (ends <= last).all()
            order = np.argsort(sites.start, axis=1)
            starts, ends = (np.take_along_axis(places, order, axis=1) for places in (sites.start, ends))
            assert (starts[:, 1:] >= ends[:, :-1]).all()


@given(sections())
@settings(deadline=None, max_examples=200)
def test_the_values_that_are_told_would_do_and_none_beyond_them_would(case):
    section, motifs = case
    told = problems_of(section, motifs)
    assume(told)
    assert problems_of(mended(section, told, beyond=None), motifs) == []
    for problem in told:
        assert len(problems_of(mended(section, told, beyond=problem), motifs)) == 1


def mended(section: SimulatedDataset, told: list[str], beyond: str | None) -> SimulatedDataset:
    """Do what the problems say; in the matter of one of them, fail by one."""
    simulation = section.simulate
    for problem in told:
        path, limit, value = re.match(r"datasets\.toy\.([a-z_.]+): .*expected at (least|most) (\d+)", problem).groups()
        key = path.removeprefix("simulate.")
        number = int(value) + (problem == beyond) * (1 if limit == "most" else -1)
        if key == "window":
            section = section.model_copy(update={key: number})
        elif key.endswith("spacing"):
            most = max(number, getattr(simulation, key)[1])
            simulation = simulation.model_copy(update={key: (number, most)})
        else:
            simulation = simulation.model_copy(update={key: number})
    return section.model_copy(update={"simulate": simulation})
