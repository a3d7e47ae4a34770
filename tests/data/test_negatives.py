from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from motifloom.data.negatives import GC_TOLERANCE, Composition, gc_count, sample_negatives
from motifloom.data.regions import Occupied
from motifloom.errors import InputError
from motifloom.genome import Genome, encode

if TYPE_CHECKING:
    import numpy.typing as npt

WINDOW = 20


def genome_of(**contigs: npt.NDArray[np.uint8]) -> Genome:
    lengths = {name: len(codes) for name, codes in contigs.items()}
    offsets = dict(zip(lengths, np.cumsum([0, *lengths.values()])[:-1].tolist(), strict=True))
    return Genome(np.concatenate(list(contigs.values())), offsets, lengths)


@pytest.fixture
def genome() -> Genome:
    """Two chromosomes whose GC content rises from one end to the other, with a stretch of N."""
    random = np.random.default_rng(1)
    contigs = {}
    for name, length in (("a", 6000), ("b", 4000)):
        gc = np.linspace(0.1, 0.9, length)
        strong = random.random(length) < gc
        contigs[name] = np.where(strong, random.integers(1, 3, length), random.choice([0, 3], length)).astype(np.uint8)
    contigs["a"][3000:3200] = 4
    return genome_of(**contigs)


@pytest.fixture
def taken() -> pl.DataFrame:
    return pl.DataFrame({"chrom": ["a"] * 30, "start": range(1000, 5500, 150), "end": range(1100, 5600, 150)})


def gc_of(genome: Genome, taken: pl.DataFrame) -> npt.NDArray[np.int64]:
    made_of = Composition.of(genome, taken["start"].to_numpy(), WINDOW)
    return made_of.gc[made_of.usable]


@pytest.mark.parametrize("match_gc", [True, False])
def test_negatives_overlap_nothing_and_stay_in_their_chromosomes(genome, taken, match_gc):
    negatives = sample_negatives(
        genome, ["a"], Occupied.of(taken), WINDOW, gc_of(genome, taken), 1, match_gc, np.random.default_rng(0)
    )
    starts, ends = negatives["start"].to_numpy(), negatives["end"].to_numpy()
    assert set(negatives["chrom"]) == {"a"}
    assert (ends - starts == WINDOW).all()
    assert starts.min() >= 0
    assert ends.max() <= genome.lengths["a"]
    assert not Occupied.of(taken).overlap("a", starts, ends).any()
    assert (starts[1:] >= ends[:-1]).all()
    assert Composition.of(genome, starts, WINDOW).usable.all()


def test_gc_matched_negatives_have_the_gc_content_of_the_positives(genome, taken):
    gc = gc_of(genome, taken)
    arguments = (genome, ["a", "b"], Occupied.of(taken), WINDOW, gc, 1)
    matched = sample_negatives(*arguments, True, np.random.default_rng(0))
    offsets = matched["chrom"].replace_strict(genome.offsets).to_numpy() + matched["start"].to_numpy()
    ours = np.sort(gc_count(genome.windows(offsets, WINDOW)))
    assert np.abs(ours - np.sort(gc)).max() <= GC_TOLERANCE * WINDOW


def test_too_few_negatives_is_an_error_that_says_how_many_there_are():
    genome = genome_of(a=encode("ACGT" * 50))
    with pytest.raises(InputError, match=r"too few negatives on a: (9|10) windows of 20 bp .* 12 are wanted"):
        sample_negatives(
            genome,
            ["a"],
            Occupied({}),
            WINDOW,
            np.full(6, 10),
            2,
            False,
            np.random.default_rng(0),
        )


def test_composition_is_counted_over_blocks_as_at_once(genome, monkeypatch):
    starts = np.arange(2900, 3300)
    at_once = Composition.of(genome, starts, WINDOW)
    monkeypatch.setattr("motifloom.data.negatives.BLOCK", 7)
    in_blocks = Composition.of(genome, starts, WINDOW)
    assert (at_once.gc == in_blocks.gc).all()
    assert (at_once.usable == in_blocks.usable).all()
    assert 0 < at_once.usable.sum() < len(starts)


def test_the_same_generator_gives_the_same_negatives(genome, taken):
    one, other, different = (
        sample_negatives(
            genome, ["a"], Occupied.of(taken), WINDOW, gc_of(genome, taken), 1, True, np.random.default_rng(seed)
        )
        for seed in (5, 5, 6)
    )
    assert one.equals(other)
    assert not one.equals(different)
