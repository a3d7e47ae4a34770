"""Tables checked at the border: past it, they have their columns and their columns have their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from motifloom.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    Schema = dict[str, pl.DataType | type[pl.DataType]]

TEXT, REAL, WHOLE, TRUTH = pl.String, pl.Float64, pl.Int64, pl.Boolean
METRICS: Schema = {
    "dataset": TEXT, "model": TEXT, "replicate": WHOLE, "task": TEXT, "split": TEXT, "metric": TEXT,
    "value": REAL, "ci_low": REAL, "ci_high": REAL, "n": WHOLE, "n_positive": WHOLE,
}  # fmt: skip
COMPARISONS: Schema = {
    "dataset": TEXT, "task": TEXT, "metric": TEXT, "model_a": TEXT, "model_b": TEXT,
    "difference": REAL, "ci_low": REAL, "ci_high": REAL, "p_value": REAL, "q_value": REAL,
}  # fmt: skip
DROPPED: Schema = {"file": TEXT, "row": WHOLE, "reason": TEXT}
HISTORY: Schema = {"epoch": WHOLE, "train_loss": REAL, "validation_loss": REAL}
"""One more column has the main metric on validation."""

SELFTESTS: Schema = {"test": TEXT, "value": REAL, "limit": REAL, "passed": TRUTH}
GRADIENTS: Schema = {"distance": WHOLE, "gradient": REAL}
SWEEP: Schema = {
    "variant": TEXT, "parameter": TEXT, "setting": REAL, "split": TEXT, "task": TEXT, "metric": TEXT,
    "value": REAL, "chosen": TRUTH,
}  # fmt: skip
MOTIFS: Schema = {
    "motif": TEXT, "source": TEXT, "replicate": WHOLE, "consensus": TEXT, "width": WHOLE,
    "information_content": REAL, "sites": WHOLE, "importance": REAL, "match": TEXT, "match_id": TEXT,
    "match_q": REAL, "reproducibility": REAL, "dead": TRUTH,
}  # fmt: skip
MORE_OF_MOTIFS: Schema = {"equivalents": WHOLE}
SEQLETS: Schema = {"pattern": WHOLE, "id": TEXT, "start": WHOLE, "end": WHOLE}
CONSENSUS: Schema = {
    "motif": TEXT, "consensus": TEXT, "sites": WHOLE, "importance": REAL, "importance_low": REAL,
    "importance_high": REAL, "model": TEXT, "match": TEXT, "match_id": TEXT, "match_q": REAL, "relied_on": TEXT,
    "members": WHOLE, "leader": TEXT, "leader_model": TEXT,
}  # fmt: skip
BEHAVIOUR: Schema = {
    "motif": TEXT, "enrichment": REAL, "enrichment_low": REAL, "enrichment_high": REAL, "distance": REAL,
    "profile": TEXT,
}  # fmt: skip
PAIRS: Schema = {
    "motif_a": TEXT, "motif_b": TEXT, "distance": WHOLE, "orientation": TEXT, "pairs": WHOLE,
    "expected_pairs": REAL, "q_value": REAL,
}  # fmt: skip
LENGTHS: Schema = {"length": WHOLE}
ATTRIBUTIONS: Schema = {
    "id": TEXT, "chosen": TEXT, "method": TEXT, "sequence": TEXT, "output": REAL, "reference": REAL, "delta": REAL,
    "contributions": pl.List(pl.Float32),
}  # fmt: skip

SITES: Schema = {"motif": TEXT, "name": TEXT}
CALIBRATION: Schema = {
    "model": TEXT, "replicate": WHOLE, "task": TEXT, "temperature": REAL, "ece": REAL, "ece_scaled": REAL,
    "brier": REAL, "brier_scaled": REAL, "threshold": REAL, "precision": REAL, "recall": REAL, "mcc": REAL,
}  # fmt: skip
RELIABILITY: Schema = {
    "model": TEXT, "replicate": WHOLE, "task": TEXT, "scaled": TRUTH, "mean_score": REAL, "positive_share": REAL,
}  # fmt: skip
STRATA: Schema = {
    "model": TEXT, "replicate": WHOLE, "task": TEXT, "property": TEXT, "stratum": TEXT, "value": REAL,
    "ci_low": REAL, "ci_high": REAL, "n": WHOLE, "n_positive": WHOLE,
}  # fmt: skip
ERRORS: Schema = {
    "task": TEXT, "model": TEXT, "id": TEXT, "label": REAL, "score": REAL, "rank": WHOLE,
    "neighbour": TEXT, "similarity": REAL, "neighbour_label": REAL,
}  # fmt: skip
STABILITY: Schema = {
    "model": TEXT, "task": TEXT, "metric": TEXT, "mean": REAL, "spread": REAL, "least": REAL, "greatest": REAL,
    "correlation": REAL, "least_correlation": REAL, "flipped": REAL, "best_rank": WHOLE, "worst_rank": WHOLE,
}  # fmt: skip
RESAMPLES: Schema = {"dataset": TEXT, **STABILITY, "draws": WHOLE}
EXPERIMENT: Schema = {
    "dataset": TEXT, "model": TEXT, "parameter": TEXT, "setting": REAL, "weights": WHOLE, "n": WHOLE,
    "replicate": WHOLE, "split": TEXT, "metric": TEXT, "value": REAL,
}  # fmt: skip


def read_delimited(path: Path, schema: Schema, separator: str = "\t", optional: Schema | None = None) -> pl.DataFrame:
    """Read the columns of `schema` from a table of text; an empty field is null.

    Parameters
    ----------
    optional
        Columns that may be absent; they are null then.

    Raises
    ------
    InputError
        Where the file cannot be read, breaks off within a line, lacks a column, or holds a value that is not of its
        column's type.
    """
    try:
        text = path.read_bytes()
        table = pl.read_csv(text, separator=separator, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot be read: {_first_line(error)}") from None
    _check_columns(path, table, schema)
    if not text.endswith(b"\n"):
        raise InputError(f"{path}: breaks off within its last line; is it the whole file?")
    more = optional or {}
    table = table.with_columns(pl.lit(None, TEXT).alias(column) for column in more if column not in table.columns)
    try:
        return table.select(_typed(column, kind) for column, kind in (schema | more).items())
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: {_first_line(error)}") from None


def _typed(column: str, kind: pl.DataType | type[pl.DataType]) -> pl.Expr:
    text = pl.col(column)
    if kind is pl.Boolean:
        return text.cast(pl.Enum(["true", "false"])) == "true"
    # A column of whole numbers may have passed through a table with gaps and come back as 12.0.
    return text.cast(pl.Float64).cast(kind) if kind is pl.Int64 else text.cast(kind)


def _check_columns(path: Path, table: pl.DataFrame, columns: Schema) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}; it has {', '.join(table.columns)}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0]
