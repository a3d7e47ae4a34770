"""The two tables of a dataset's predictions: what models reach, and where two of them differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.evaluation.comparisons import (
    Difference,
    Placements,
    bootstrap_difference,
    calibration_p_value,
    delong,
    draw_swaps,
    mean_difference,
    mean_p_value,
    precision_difference,
    q_values,
)
from motifloom.evaluation.intervals import (
    auprc_interval,
    auroc_interval,
    bootstrap_generator,
    calibration_interval,
    corrected_interval,
    distributions,
    estimates,
    share_interval,
)
from motifloom.evaluation.jackknife import precisions_without_each
from motifloom.evaluation.means import Mean
from motifloom.evaluation.metrics import Ranking
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from motifloom.evaluation.comparisons import Swaps
    from motifloom.evaluation.metrics import Floats, Scored
    from motifloom.evaluation.panels import Panel, Run

    Row = tuple[Any, ...]

METRICS_SCHEMA = {
    "dataset": pl.String,
    "model": pl.String,
    "replicate": pl.Int64,
    "task": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n": pl.Int64,
    "n_positive": pl.Int64,
}
COMPARISONS_SCHEMA = {
    "dataset": pl.String,
    "task": pl.String,
    "metric": pl.String,
    "model_a": pl.String,
    "model_b": pl.String,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
}


def evaluate(
    panels: Sequence[Panel], dataset: str, *, seed: int, resamples: int, confidence: float, threads: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell what every model and replicate reaches on every split, and compare every two models on test.

    A model with several replicates is compared by the mean of their metric: how good a training of it is, on average.
    (Its ensemble is a model of its own.) Each metric has the interval, the standard error of a difference and the test
    that suit it; q is Benjamini and Hochberg's within the dataset, task and metric.

    Parameters
    ----------
    panels
        The predictions of one dataset.
    dataset
        Its name.
    seed
        The run's seed; the resamples are the same for all models.
    resamples, confidence
        Of the bootstrap intervals; there are as many permutations.
    threads
        So many panels are worked on at a time. No value depends on it.

    Returns
    -------
    A table with the columns of `METRICS_SCHEMA`: on validation and test every metric of the panel's kind, on train the
    main one. And one with those of `COMPARISONS_SCHEMA`: a row per task, metric and pair, the earlier model being
    `model_a`. Undefined values are null, and so is ``n_positive`` where labels are not 0 and 1.
    """

    def work(panel: Panel) -> tuple[dict[Run, list[Row]], list[Row]]:
        reached = Reached.of(panel, bootstrap_generator(seed, dataset, panel.split, panel.task), resamples)
        compared: Iterable[Row] = ()
        if panel.split == "test":
            compared = _compare(reached, generator(seed, dataset, "permutation", panel.task), resamples, confidence)
        return _tell(reached, confidence), [(dataset, panel.task, *row) for row in compared]

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(work, panels))
    runs = list(panels[0].scores) if panels else []
    metrics = [(dataset, *run, *row) for run in runs for told, _ in found for row in told[run]]
    return _table(metrics, METRICS_SCHEMA), _table([row for _, rows in found for row in rows], COMPARISONS_SCHEMA)


@dataclass(frozen=True)
class Reached:
    """What every run reaches on one split and task.

    Attributes
    ----------
    scored
        The runs' scores, arranged.
    values
        By metric, shape ``(runs,)``.
    spread
        The same on resamples of the examples, shape ``(runs, resamples)``.
    """

    panel: Panel
    scored: Sequence[Scored]
    values: dict[str, Floats]
    spread: dict[str, Floats]

    @classmethod
    def of(cls, panel: Panel, rng: np.random.Generator, resamples: int) -> Reached:
        """Compute the metrics of all runs: on train the main one alone."""
        metrics = (panel.judged.main,) if panel.split == "train" else panel.judged.metrics
        scored = panel.arrange(list(panel.scores.values()))
        spread = distributions(scored, panel.strata, resamples, rng, metrics)
        return cls(panel, scored, estimates(scored, metrics), spread)

    def of_models(self, of_runs: Sequence[Floats] | Floats) -> dict[str, Floats]:
        """Average over the replicates of each model what there is for every run."""
        return {
            model: np.mean([of_runs[place] for place in places], axis=0)
            for model, places in self.panel.replicates.items()
        }

    def per_example(self, metric: str) -> dict[str, Floats] | None:
        """Return what each example adds to each model's metric; None of a metric that is no mean over examples."""
        of_runs = [values for scored in self.scored if (values := scored.per_example(metric)) is not None]
        return self.of_models(of_runs) if of_runs else None


def _tell(reached: Reached, confidence: float) -> dict[Run, list[Row]]:
    """Return each run's rows: `METRICS_SCHEMA`'s columns from ``task`` on."""
    panel = reached.panel
    counts = (len(panel.labels), panel.positives)
    rows: dict[Run, list[Row]] = {run: [] for run in panel.scores}
    for metric, values in reached.values.items():
        for place, run in enumerate(panel.scores):
            value = float(values[place])
            low, high = (value, value) if np.isnan(value) else _interval(reached, metric, place, confidence)
            rows[run].append((panel.task, panel.split, metric, value, min(low, value), max(high, value), *counts))
    return rows


def _interval(reached: Reached, metric: str, place: int, confidence: float) -> tuple[float, float]:
    """Return the interval of the metric of the run at `place`, which is defined.

    By DeLong's variance for `auroc`; by the bootstrap's standard error on the logit scale for `auprc`; Wilson's for
    `accuracy`; Hall's transformed t for other means over examples; by the noise of the bins for `ece`; bias-corrected
    bootstrap percentiles for the others, and for `auroc` where a label occurs once.
    """
    scored, value, spread = reached.scored[place], float(reached.values[metric][place]), reached.spread[metric][place]
    match metric, scored:
        case "auroc", Ranking() if scored.fewest > 1:
            return auroc_interval(scored, confidence)
        case "auprc", _:
            return auprc_interval(spread, value, scored.fewest, confidence)
        case "accuracy", _:
            return share_interval(value, len(scored), confidence)
        case "ece", Ranking():
            return calibration_interval(scored, value, confidence)
    of_examples = scored.per_example(metric)
    if of_examples is not None:
        return Mean.of(of_examples, reached.panel.strata).interval(confidence)
    return corrected_interval(spread, value, scored.fewest, confidence)


def _compare(reached: Reached, rng: np.random.Generator, resamples: int, confidence: float) -> Iterator[Row]:
    """Yield `COMPARISONS_SCHEMA`'s columns from ``metric`` on."""
    pairs = list(combinations(reached.panel.replicates, 2))
    if not pairs:
        return
    swaps = draw_swaps(len(reached.panel.labels), resamples, rng)
    for metric in reached.values:
        differences = _differences(reached, metric, pairs)
        undefined = np.isnan([difference.value for difference in differences])
        p_values = np.where(undefined, np.nan, _p_values(reached, metric, pairs, differences, swaps))
        for pair, difference, p, q in zip(pairs, differences, p_values, q_values(p_values), strict=True):
            yield (metric, *pair, difference.value, *difference.interval(confidence), float(p), float(q))


def _differences(reached: Reached, metric: str, pairs: Sequence[tuple[str, str]]) -> list[Difference]:
    """Compare each pair of models, by the standard error that suits the metric.

    DeLong's for `auroc`; the jackknife's for `auprc`; that of a paired t test for means over examples; the paired
    bootstrap's for the others, and for `auroc` and `auprc` where a label occurs once.
    """
    values, spread = (reached.of_models(found[metric]) for found in (reached.values, reached.spread))
    fewest, strata = reached.scored[0].fewest, reached.panel.strata
    placements = _placements(reached) if metric == "auroc" and fewest > 1 else None
    left_out = _left_out(reached) if metric == "auprc" and fewest > 1 else None
    of_examples = reached.per_example(metric)

    def compare(a: str, b: str) -> Difference:
        value = float(values[a] - values[b])
        if np.isnan(value):
            return Difference(value, value, value)
        if placements:
            return delong(placements[a], placements[b])
        if left_out:
            return precision_difference(value, left_out[a], left_out[b], reached.panel.labels)
        if of_examples:
            return mean_difference(of_examples[a], of_examples[b], strata)
        return bootstrap_difference(value, spread[a] - spread[b], fewest)

    return [compare(*pair) for pair in pairs]


def _placements(reached: Reached) -> dict[str, Placements]:
    """Return the placements of each model, averaged over its replicates."""
    each = [Placements.of(ranking) for ranking in reached.scored if isinstance(ranking, Ranking)]
    replicates = reached.panel.replicates
    return {model: Placements.mean([each[place] for place in places]) for model, places in replicates.items()}


def _left_out(reached: Reached) -> dict[str, Floats]:
    """Return each model's average precision without each example, averaged over its replicates."""
    rankings = [scored for scored in reached.scored if isinstance(scored, Ranking)]
    return reached.of_models([precisions_without_each(ranking) for ranking in rankings])


def _p_values(
    reached: Reached,
    metric: str,
    pairs: Sequence[tuple[str, str]],
    differences: Sequence[Difference],
    swaps: Swaps,
) -> list[float]:
    """Test each pair of models: by swapping their scores for `ece` and means over examples, else by the standard error.

    Of the same labels `r2` differs just where `mse` does. A standard error from resamples gives no p-value that is
    less than swapping as often could give.
    """
    panel = reached.panel
    of_examples = reached.per_example("mse" if metric == "r2" else metric)
    if metric == "ece":
        return [calibration_p_value(panel.labels, _scores(panel, pair), swaps) for pair in pairs]
    if of_examples:
        return [mean_p_value(of_examples[a], of_examples[b], swaps) for a, b in pairs]
    p_values = [difference.p_value() for difference in differences]
    return p_values if metric in {"auroc", "auprc"} else np.maximum(p_values, 1 / swaps.shape[1]).tolist()


def _scores(panel: Panel, pair: tuple[str, str]) -> list[tuple[Floats, Floats]]:
    """Return the two models' scores, replicate by replicate; one that has fewer begins again with its first."""
    scores = list(panel.scores.values())
    one, other = (panel.replicates[model] for model in pair)
    return [
        (scores[one[number % len(one)]], scores[other[number % len(other)]])
        for number in range(max(len(one), len(other)))
    ]


def _table(rows: Sequence[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    """Lay out rows; a NaN becomes null, an empty field in a file."""
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)
