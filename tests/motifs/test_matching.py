from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from motifloom.errors import InputError
from motifloom.motifs.groups import groups
from motifloom.motifs.importance import Importance
from motifloom.motifs.learn import reproducibility
from motifloom.motifs.matching import (
    MAX_WIDTH,
    MIN_SITES,
    ORDERS,
    Likeness,
    comparable,
    likeness,
    log_likelihood,
    match,
    order_p_values,
    read_database,
    tomtom_p_values,
)
from motifloom.motifs.meme import meme_text
from motifloom.motifs.motif import Motif, probabilities, trim

if TYPE_CHECKING:
    from motifloom import jaspar

SEED = 3
PLANTED = ("REB1", "ABF1", "RAP1", "CBF1")


@pytest.fixture(scope="module")
def fungi() -> list[jaspar.KnownMotif]:
    return read_database("jaspar-fungi")


@pytest.fixture(scope="module")
def vertebrates() -> list[jaspar.KnownMotif]:
    return read_database("jaspar-vertebrates")


def learned(name: str, ppm: np.ndarray, replicate: int = 0, sites: int = 60) -> Motif:
    return Motif(name, replicate, 0, ppm, sites, dead=False)


def as_learned(known: jaspar.KnownMotif, seed: int, minus: bool) -> np.ndarray:
    """Return what a filter of 19 bp would count from 60 sites of a known motif."""
    random = np.random.default_rng(seed)
    flank = np.full((3, 4), 0.25)
    wide = np.vstack([flank, known.ppm[::-1, ::-1] if minus else known.ppm, flank])
    return trim(probabilities(np.array([random.multinomial(60, column / column.sum()) for column in wide])))


def known_called(name: str, database: list[jaspar.KnownMotif]) -> jaspar.KnownMotif:
    return next(known for known in database if known.name == name)


@pytest.mark.parametrize("minus", [False, True])
def test_a_known_motif_is_named_on_either_strand(fungi, minus):
    motifs = [learned(name, as_learned(known_called(name, fungi), seed, minus)) for seed, name in enumerate(PLANTED)]
    found = match(motifs, fungi, SEED)
    for motif in motifs:
        assert found[motif.name].known.name == motif.name
        assert found[motif.name].q_value < 0.05


@pytest.mark.parametrize("minus", [False, True])
def test_the_match_lies_on_the_learned_motif(fungi, minus):
    known = known_called("RAP1", fungi)
    cut = (known.ppm[::-1, ::-1] if minus else known.ppm)[2:9]
    laid = match([learned("cut", cut)], fungi, SEED)["cut"].ppm
    assert laid == pytest.approx(cut)
    flank = np.eye(4)[[0, 1]]
    wide = np.vstack([flank, known.ppm, flank])
    laid = match([learned("wide", wide)], fungi, SEED)["wide"].ppm
    assert laid[2:-2] == pytest.approx(known.ppm)
    assert (laid[[0, 1, -2, -1]] == 0.25).all()


@pytest.mark.parametrize("taxon", ["fungi", "vertebrates"])
def test_matrices_without_a_motif_get_no_name(taxon):
    """What a filter counts from the best chance sites of a random sequence is no known motif."""
    random = np.random.default_rng(0)
    motifs = []
    for number in range(128):
        weights = random.dirichlet(np.full(4, 0.9), size=19)
        sites = np.array([random.multinomial(40, column) for column in weights])
        motifs.append(learned(f"m{number}", trim(probabilities(sites))))
    database = read_database(f"jaspar-{taxon}")
    named = [found for found in match(motifs, database, SEED).values() if found.q_value < 0.05]
    assert len(named) <= 128 * 0.05


def test_matrices_of_little_information_are_not_compared(fungi):
    """Flat matrices would match the long flat spacers of known motifs with tiny p-values."""
    random = np.random.default_rng(0)
    flat = [learned(f"m{i}", random.dirichlet(np.full(4, 8.0), size=19)) for i in range(20)]
    assert not any(comparable(motif) for motif in flat)
    assert match(flat, fungi, SEED) == {}


def test_a_matrix_that_is_wider_than_any_known_motif_is_not_compared():
    wide = np.eye(4)[np.arange(MAX_WIDTH + 1) % 4] * 0.9 + 0.025
    assert comparable(learned("m", wide[:-1]))
    assert not comparable(learned("m", wide))


def test_few_sites_are_not_compared(fungi):
    known = known_called("REB1", fungi)
    assert comparable(learned("m", known.ppm, sites=MIN_SITES))
    assert not comparable(learned("m", known.ppm, sites=MIN_SITES - 1))


def test_equivalent_motifs_are_found_across_strands_and_replicates(fungi):
    reb1, abf1 = (known_called(name, fungi) for name in ("REB1", "ABF1"))
    motifs = [
        learned("a", as_learned(reb1, 0, minus=False), replicate=0),
        learned("b", as_learned(reb1, 1, minus=True), replicate=1),
        learned("c", as_learned(abf1, 2, minus=False), replicate=1),
        learned("d", as_learned(reb1, 3, minus=False), replicate=2, sites=2),
    ]
    alike = likeness(motifs, fungi, SEED)
    found = groups(motifs, alike)
    assert [[member.motif.name for member in group] for group in found] == [["a", "b"], ["c"], ["d"]]
    assert [member.minus for member in found[0]] == [False, True]
    relied = {name: Importance(0.1, low, 0.2) for name, low in zip("abcd", (0.05, 0.01, -0.01, 0.05), strict=True)}
    shares = reproducibility(motifs, alike.same, relied, 3)
    assert shares == {"a": pytest.approx(2 / 3), "b": pytest.approx(2 / 3), "c": 0.0, "d": pytest.approx(1 / 3)}
    assert set(reproducibility(motifs, alike.same, relied, 1).values()) == {None}


def test_a_member_lies_on_its_leader(fungi):
    """Cut, turned and shifted copies of a motif come back to where they were cut from."""
    whole = known_called("RAP1", fungi).ppm
    motifs = [learned("whole", whole), learned("cut", whole[2:11]), learned("turned", whole[1:12][::-1, ::-1])]
    (group,) = groups(motifs, likeness(motifs, fungi, SEED))
    assert [(member.offset, member.minus) for member in group] == [(0, False), (2, False), (1, True)]


def test_no_chain_joins_motifs_that_are_not_alike(fungi):
    """A motif in the middle is like two that are not like each other: the leader decides."""
    same = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
    none = np.zeros((3, 3), dtype=np.int64)
    motifs = [learned(name, known.ppm) for name, known in zip("abc", fungi, strict=False)]
    found = groups(motifs, Likeness(same, none, none.astype(bool)))
    assert [[member.motif.name for member in group] for group in found] == [["a", "b"], ["c"]]


def test_short_motifs_of_few_sites_are_named(fungi):
    """Seven or eight columns cannot match as well as many of a long motif do, but they need not."""
    random = np.random.default_rng(0)
    flank = np.tile([0.31, 0.19, 0.19, 0.31], (5, 1))
    motifs = []
    for name in ("RPN4", "STE12", "SWI4", "TYE7", "GCN4"):
        wide = np.vstack([flank, known_called(name, fungi).ppm, flank])
        counts = np.array([random.multinomial(15, column / column.sum()) for column in wide])
        motifs.append(learned(name, trim(probabilities(counts)), sites=15))
    found = match(motifs, fungi, SEED)
    for name, one in found.items():
        assert one.known.name == name
        assert one.q_value < 0.05


def test_a_base_that_a_known_motif_lacks_makes_sites_unlikely_not_impossible():
    motif = learned("m", probabilities(9 * np.eye(4)[[0, 1, 2, 3, 0]]), sites=9)
    same, other = np.eye(4)[[0, 1, 2, 3, 0]], np.eye(4)[[0, 1, 2, 3, 3]]
    flat = np.full((5, 4), 0.25)
    assert log_likelihood(motif, same) > log_likelihood(motif, other) > -np.inf
    assert log_likelihood(motif, flat) == pytest.approx(5 * np.log(0.25))


@pytest.mark.parametrize("word", ["A" * 9, "A" * 14, "G" * 12, "GA" * 5])
def test_a_run_among_motifs_gets_no_name(word, vertebrates):
    """Known motifs have such runs, and shuffled columns of others do not; its own in another order match as well."""
    random = np.random.default_rng(0)
    columns = np.full((4, 4), 0.02) + 0.92 * np.eye(4)
    run = np.array([random.multinomial(60, columns["ACGT".index(base)]) for base in word])
    others = [learned(known.identifier, as_learned(known, 0, minus=False)) for known in vertebrates[::20]]
    motifs = [learned("run", probabilities(run)), *others]
    found = match(motifs, vertebrates, SEED)
    assert found.pop("run").q_value > 0.2
    assert np.mean([one.q_value < 0.05 for one in found.values()]) > 0.9


def test_the_order_is_judged_by_chance_alone():
    """The least of 300 p-values is as good as the least of others; where there is no other order, nothing is better."""
    random = np.random.default_rng(1)
    best = random.random((4000, 1 + ORDERS, 300)).min(axis=2)
    p_values = order_p_values(best[:, 0], best[:, 1:])
    for level in (0.5, 0.1, 0.01):
        assert 0.5 * level < (p_values <= level).mean() < 1.1 * level
    assert (order_p_values(best[:, 0] * 1e-6, best[:, 1:]) < 0.01).mean() > 0.95
    assert order_p_values(np.array([1e-9]), np.full((1, ORDERS), 1e-9))[0] == pytest.approx(0.43, abs=0.01)


@pytest.mark.parametrize("sites", [15, 60])
def test_known_motifs_with_noise_keep_their_name(sites, fungi):
    """Of what filters would count from sites of every third known motif, nearly all get a name, the right one.

    More of them than by the least p-value alone: of a family, the member that makes the sites likeliest gives the name.
    """
    random = np.random.default_rng(0)
    flank = np.tile([0.31, 0.19, 0.19, 0.31], (3, 1))
    motifs = []
    for known in fungi[::3]:
        wide = np.vstack([flank, known.ppm, flank])
        counts = np.array([random.multinomial(sites, column / column.sum()) for column in wide])
        motifs.append(learned(known.identifier, trim(probabilities(counts)), sites=sites))
    motifs = [motif for motif in motifs if comparable(motif)]
    found = match(motifs, fungi, SEED)
    assert len(motifs) > 50
    assert np.mean([found[motif.name].q_value < 0.05 for motif in motifs]) > 0.9
    right = np.mean([found[motif.name].known.identifier == motif.name for motif in motifs])
    least = tomtom_p_values([motif.ppm for motif in motifs], [known.ppm for known in fungi])[0].argmin(axis=1)
    by_p = np.mean([fungi[place].identifier == motif.name for place, motif in zip(least, motifs, strict=True)])
    assert right > 0.95
    assert right >= by_p


NAMES = """
import sys
from motifloom.motifs import matching
from motifloom.motifs.motif import Motif
matching.TOGETHER = int(sys.argv[1])
fungi = matching.read_database("jaspar-fungi")
motifs = [Motif(known.name, 0, 0, known.ppm, 60, dead=False) for known in fungi[:9]]
for name, found in matching.match(motifs, fungi, 3).items():
    print(name, found.known.identifier, found.q_value.hex(), found.ppm.tobytes().hex())
"""


def test_threads_and_parts_change_no_bit():
    """Nor does how many matrices are compared at a time."""
    told = [
        subprocess.run(
            [sys.executable, "-c", NAMES, together],
            env=os.environ | {"NUMBA_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads, together in (("1", "256"), ("2", "37"))
    ]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) >= 7


def test_a_users_meme_file_is_a_database(write, fungi):
    text = meme_text((f"{known.identifier} {known.name}", known.ppm, 100) for known in fungi[:30])
    database = read_database(str(write("own.meme", text)))
    assert [known.identifier for known in database] == [known.identifier for known in fungi[:30]]


@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
def test_an_odd_meme_file_is_read_whole(write, end):
    """Indented, without blank lines, with tabs, alternate names, other sections, and any end of the last line."""
    rows = "0.1 0.2 0.3 0.4\n\t0.7\t0.1 0.1  0.1 "
    text = (
        "\ufeffMEME version 4.11.2\nALPHABET= ACGT\n"
        f"MOTIF  M1  SOX2 more\n letter-probability matrix: alength= 4 w=2 nsites= 20\n{rows}\n"
        f"MOTIF M2\nlog-odds matrix: alength= 4 w= 1\n1 2 3 4\nletter-probability matrix:\n\n{rows}\nURL http://x\n"
        f"\tMOTIF\tM3\tMYC\nletter-probability matrix: alength= 4 w= 2\n{rows}{end}"
    )
    known = read_database(str(write("own.meme", text)))
    assert [(one.identifier, one.name) for one in known] == [("M1", "SOX2"), ("M2", "M2"), ("M3", "MYC")]
    for one in known:
        assert one.ppm == pytest.approx(np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]]))


def test_a_matrix_that_is_cut_short_is_refused(write):
    text = "MOTIF m\nletter-probability matrix: alength= 4 w= 3\n0.1 0.2 0.3 0.4\n"
    with pytest.raises(InputError, match=r"own\.meme: row 2: says w= 3, but motif 'm' has 1 rows"):
        read_database(str(write("own.meme", text)))


def test_a_users_matrix_is_not_rounded_to_its_number_of_sites(write):
    """With 3 sites, whole counts would make thirds of these probabilities."""
    ppm = np.array([[0.1, 0.2, 0.3, 0.4], [0.55, 0.25, 0.15, 0.05]])
    (known,) = read_database(str(write("own.meme", meme_text([("m", ppm, 3)]))))
    assert known.ppm == pytest.approx(ppm)


def test_a_motif_without_columns_is_refused(write):
    with pytest.raises(InputError, match=r"own\.meme: motif 'm' has no column, or one whose probabilities do not"):
        read_database(str(write("own.meme", meme_text([("m", np.empty((0, 4)), 3)]))))


@pytest.mark.parametrize("column", ["1 1 1 1", "0.1 0.1 0.1 0.1", "0 0 0 0"])
def test_a_column_of_no_probabilities_is_refused(write, column):
    text = f"MOTIF m\nletter-probability matrix: alength= 4 w= 2\n0.1 0.2 0.3 0.4\n{column}\n"
    with pytest.raises(InputError, match=r"own\.meme: motif 'm' has no column, or one whose probabilities do not add"):
        read_database(str(write("own.meme", text)))


@pytest.mark.parametrize("content", ["", "nothing of the kind\n"])
def test_a_file_without_motifs_is_refused(write, content):
    with pytest.raises(InputError, match=r"own\.meme: (holds no motif|is no MEME file)"):
        read_database(str(write("own.meme", content)))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_database(str(tmp_path / "own.meme"))
