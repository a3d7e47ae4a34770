"""Known motifs: JASPAR as the pyjaspar package carries it, so that no network is needed.

JASPAR 2026: Rauluseviciute et al., Nucleic Acids Research; the release is fixed, so that a run can be repeated.
"""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from Bio import BiopythonWarning
from pyjaspar import jaspardb

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

RELEASE = "JASPAR2026"

LOOKED_UP = {"MATRIX": "BASE_ID", "MATRIX_ANNOTATION": "ID", "MATRIX_PROTEIN": "ID", "MATRIX_SPECIES": "ID"}
"""Tables that are large and have no index, and the column that pyjaspar asks for a row by."""


@dataclass(frozen=True)
class KnownMotif:
    """A motif with a name.

    Attributes
    ----------
    identifier
        The matrix id, such as ``MA0139.2``.
    name
        The factor, such as ``CTCF``.
    ppm
        Probabilities of A C G T, shape ``(width, 4)``, rows that sum to 1.
    """

    identifier: str
    name: str
    ppm: npt.NDArray[np.float64]


def fetch_taxon(taxon: str) -> list[KnownMotif]:
    """Return the newest version of every CORE motif of a taxonomic group, ordered by matrix id.

    Parameters
    ----------
    taxon
        ``fungi``, ``insects``, ``nematodes``, ``plants`` or ``vertebrates``.
    """
    with _database() as database:
        motifs = database.fetch_motifs(collection="CORE", tax_group=[taxon], all_versions=False)
    return sorted((_known(motif) for motif in motifs), key=lambda motif: motif.identifier)


def fetch(identifiers: Iterable[str]) -> list[KnownMotif]:
    """Return the motifs of the given matrix ids, in their order.

    Raises
    ------
    InputError
        With every id that JASPAR does not hold.
    """
    with _database() as database, warnings.catch_warnings():
        warnings.simplefilter("ignore", BiopythonWarning)  # said below, of all ids at once
        found = {identifier: database.fetch_motif_by_id(identifier) for identifier in identifiers}
    missing = [identifier for identifier, motif in found.items() if motif is None]
    if missing:
        raise InputError(
            f"'{identifier}' is no matrix of {RELEASE}; expected an id such as MA0139.2" for identifier in missing
        )
    return [_known(motif) for motif in found.values()]


@contextmanager
def _database() -> Iterator[Any]:
    """Open JASPAR, its tables indexed by what a motif is looked up by: a taxon comes in an eighth of the time."""
    database: Any = jaspardb(release=RELEASE)
    with closing(database.conn) as plain, closing(sqlite3.connect(":memory:")) as indexed:
        plain.backup(indexed)
        for table, column in LOOKED_UP.items():
            indexed.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
        database.conn = indexed
        yield database


def _known(motif: Any) -> KnownMotif:
    counts = np.array([motif.counts[base] for base in "ACGT"], dtype=float).T
    return KnownMotif(motif.matrix_id, motif.name, counts / counts.sum(axis=1, keepdims=True))
