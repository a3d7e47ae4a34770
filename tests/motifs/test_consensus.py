from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from motifloom.errors import InputError
from motifloom.motifs.consensus import CONSENSUS_SCHEMA, consensus_motifs, merge, read_compared
from motifloom.motifs.groups import Member
from motifloom.motifs.learn import TABLE_SCHEMA
from motifloom.motifs.matching import read_database
from motifloom.motifs.meme import meme_text
from motifloom.motifs.motif import Motif


def motif(name: str, ppm: np.ndarray, sites: int) -> Motif:
    return Motif(name, 0, 0, ppm, sites, dead=False)


def sharp(text: str) -> np.ndarray:
    """Return the probabilities of a word, each base 94 % likely."""
    return np.array([[0.94 if base == letter else 0.02 for base in "ACGT"] for letter in text])


def test_members_are_laid_on_the_leader_and_weighed_with_their_sites():
    one, other = np.array([[0.7, 0.1, 0.1, 0.1]] * 5), np.array([[0.1, 0.1, 0.1, 0.7]] * 3)
    cluster = [Member(motif("a", one, 60), 0, minus=False), Member(motif("b", other, 20), 2, minus=True)]
    merged = merge(cluster, "motif1")
    alone = (one[0] * 60 + 0.25) / 61
    both = (one[0] * 60 + other[0, ::-1] * 20 + 0.25) / 81
    assert merged.ppm == pytest.approx(np.array([alone, alone, both, both, both]))
    assert (merged.name, merged.sites) == ("motif1", 60)


def test_columns_that_few_sites_have_are_left_out():
    leader = motif("a", sharp("GATTACA"), 60)
    long = motif("b", sharp("CCGATTACAGG"), 20)
    merged = merge([Member(leader, 0, minus=False), Member(long, -2, minus=False)], "motif1")
    assert merged.consensus == "GATTACA"


def write(folder, rows: list[dict], matrices: dict[str, np.ndarray]) -> None:
    """Write motifs.tsv and motifs.meme of a model."""
    filled = [dict.fromkeys(TABLE_SCHEMA) | {"source": "filter", "dead": False} | row for row in rows]
    folder.mkdir()
    pl.DataFrame(filled, schema=TABLE_SCHEMA).write_csv(folder / "motifs.tsv", separator="\t")
    (folder / "motifs.meme").write_text(meme_text((name, ppm, 50) for name, ppm in matrices.items()))


@pytest.fixture(scope="module")
def database():
    return read_database("jaspar-fungi")


@pytest.fixture
def folders(tmp_path, database):
    """Two models of three trainings: both have REB1, one of them on the other strand; one has ABF1 as well."""
    known = {name: next(one.ppm for one in database if one.name == name) for name in ("REB1", "ABF1")}
    reb1, abf1 = (0.98 * ppm + 0.005 for ppm in known.values())

    def row(name: str, replicate: int, importance: float, low: float, match: str | None = "some") -> dict:
        values = {"importance": importance, "importance_low": low, "importance_high": importance + 0.1}
        return {"motif": name, "replicate": replicate, "sites": 50, "match_id": match} | values

    cnn = [row("a", 0, 0.3, 0.2), row("b", 0, 0.3, 0.2), row("c", 1, 0.15, 0.05), row("d", 2, 0.0, -0.1)]
    cnn.append(row("e", 2, 0.4, 0.3, match=None))  # was not compared
    cnn.append(row("f", 0, 0.3, 0.2) | {"duplicate": "same"})
    cnn[0]["equivalents"] = 1
    write(tmp_path / "cnn", cnn, {"a": reb1, "b": reb1, "c": reb1[::-1, ::-1], "d": abf1, "e": abf1, "f": reb1})
    write(tmp_path / "wide", [row("a", 1, 0.2, 0.1)], {"a": reb1[1:]})
    return {"cnn": tmp_path / "cnn", "wide": tmp_path / "wide"}


def test_one_motif_a_cluster_by_importance(folders, database):
    motifs, rows = read_compared(folders)
    assert [(row["model"], row["motif"]) for row in rows] == [
        ("cnn", "a"), ("cnn", "b"), ("wide", "a"), ("cnn", "c"), ("cnn", "d"),
    ]  # fmt: skip
    found = consensus_motifs(motifs, rows, 3, database, seed=0)
    assert dict(found.table.schema) == CONSENSUS_SCHEMA
    first, second = found.table.iter_rows(named=True)
    assert (first["motif"], first["match"], first["members"]) == ("motif1", "REB1", 5)
    assert (first["leader_model"], first["leader"], first["model"]) == ("cnn", "a", "cnn")
    assert first["importance"] == pytest.approx((0.3 + 0.15) / 3)  # one of each training; the third has none
    assert first["importance_low"] == pytest.approx((0.2 + 0.05) / 3)
    assert first["relied_on"] == "cnn 2/3, wide 1/3"
    assert first["reproducibility"] == pytest.approx(3 / 6)
    assert (second["match"], second["relied_on"], second["reproducibility"]) == ("ABF1", None, 0)
    assert found.table["match_q"].max() < 0.05


def test_no_compared_motif_gives_an_empty_table(tmp_path, database):
    write(tmp_path / "cnn", [{"motif": "a", "replicate": 0, "sites": 2, "importance": 0.0}], {"a": sharp("GATTACA")})
    found = consensus_motifs(*read_compared({"cnn": tmp_path / "cnn"}), 1, database, seed=0)
    assert found.table.is_empty()
    assert not found.motifs


def test_a_motif_without_a_matrix_is_told(folders):
    (folders["wide"] / "motifs.meme").write_text(meme_text([]))
    with pytest.raises(InputError, match=r"motifs\.meme: has no matrix of a, a motif of motifs\.tsv"):
        read_compared(folders)
