"""Simulate how often intervals hold the truth, and how often two equally good models are called different.

Labels are drawn, scores are logistic in a normal signal: the truth of each metric is that of a very large sample. Two
models have the same signal with noise of their own, so either is as good as the other and they err on like examples.
Both are evaluated and compared as ``motifloom evaluate`` does.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from motifloom.evaluation.intervals import estimates
from motifloom.evaluation.kinds import JUDGED
from motifloom.evaluation.panels import Panel, Run
from motifloom.evaluation.tables import evaluate

TRUTH = 400_000
"""So many examples tell the truth."""


def draw(
    kind: str, n: int, skill: float, sure: float, positives: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, a share of them ``positives``, and the scores of two models; ``sure`` 1 is near calibration."""
    if kind == "regression":
        labels = rng.normal(size=n)
        signal = skill * labels + rng.normal(size=n)
        return labels, signal + 0.5 * rng.normal(size=(2, n))
    labels = np.repeat([0.0, 1.0], [n - round(positives * n), round(positives * n)])
    signal = skill * (labels - 0.5) + 0.8 * rng.normal(size=n)
    noisy = signal + 0.6 * rng.normal(size=(2, n))
    return labels, 1 / (1 + np.exp(-sure * (skill * noisy + np.log(positives / (1 - positives)))))


def simulate(
    kind: str, n: int, skill: float, sure: float, positives: float, draws: int, resamples: int
) -> pl.DataFrame:
    """Return, by ``metric``, its ``truth``, and how often its interval ``held`` it, that of a difference ``held_0``.

    And how often two models were ``called`` different, at a p-value of 0.05.
    """
    rng = np.random.default_rng([n, round(10 * skill), round(10 * sure)])
    labels, scores = draw(kind, TRUTH, skill, sure, positives, rng)
    judged = JUDGED[kind]
    true = estimates([judged.arrange(labels, scores[0])], judged.metrics)
    ids = pl.Series([f"{row:06d}" for row in range(n)])
    panels = []
    for _ in range(draws):
        labels, scores = draw(kind, n, skill, sure, positives, rng)
        runs = {Run("a", 0): scores[0], Run("b", 0): scores[1]}
        panels.append(Panel(kind, "test", f"draw {len(panels)}", ids, labels, runs))
    metrics, comparisons = evaluate(panels, "simulated", seed=0, resamples=resamples, confidence=0.95)
    truth = pl.DataFrame({"metric": list(true), "truth": [values[0] for values in true.values()]})
    held = (
        metrics.filter(model="a")
        .join(truth, on="metric")
        .group_by("metric", "truth", maintain_order=True)
        .agg(held=pl.col("truth").is_between("ci_low", "ci_high").mean())
    )
    equal = comparisons.group_by("metric").agg(
        held_0=pl.lit(0.0).is_between(pl.col("ci_low"), pl.col("ci_high")).mean(),
        called=(pl.col("p_value") <= 0.05).mean(),
    )
    return held.join(equal, on="metric", maintain_order="left")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--kind", choices=["binary", "regression"], default="binary")
    parser.add_argument("--rows", type=int, nargs="+", default=[150, 1000])
    parser.add_argument("--skills", type=float, nargs="+", default=[1.0, 2.5, 4.0])
    parser.add_argument("--positives", type=float, default=0.4, help="their share (default: 0.4)")
    parser.add_argument("--sure", type=float, nargs="+", default=[1.0, 3.0])
    options = parser.parse_args()
    print("| examples | skill | sure | metric | truth | interval holds it | that of a difference | called different |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for n in options.rows:
        for skill in options.skills:
            for sure in options.sure if options.kind == "binary" else [1.0]:
                setting = (n, skill, sure, options.positives)
                for row in simulate(options.kind, *setting, options.draws, options.resamples).iter_rows():
                    shares = " | ".join(f"{share:.1%}" for share in row[2:])
                    print(f"| {n} | {skill} | {sure} | `{row[0]}` | {row[1]:.3f} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
