"""Simulate how often intervals hold the truth, and how often two equally good models are called different.

Labels are drawn, scores are logistic in a normal signal: the truth of each metric is that of a very large sample. Two
models have the same signal with noise of their own, so either is as good as the other and they err on like examples.
"""

from __future__ import annotations

import argparse

import numpy as np

from motifloom.evaluation.comparisons import (
    Placements,
    bootstrap_p_value,
    calibration_p_value,
    delong,
    draw_swaps,
)
from motifloom.evaluation.intervals import distributions, estimates
from motifloom.evaluation.kinds import JUDGED
from motifloom.evaluation.tables import interval_of

TRUTH = 400_000
"""So many examples tell the truth."""


def draw(kind: str, n: int, skill: float, sure: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, a fixed share of them positive, and the scores of two models; ``sure`` 1 is near calibration."""
    if kind == "regression":
        labels = rng.normal(size=n)
        signal = skill * labels + rng.normal(size=n)
        return labels, signal + 0.5 * rng.normal(size=(2, n))
    labels = np.repeat([0.0, 1.0], [round(0.6 * n), n - round(0.6 * n)])
    signal = skill * (labels - 0.5) + 0.8 * rng.normal(size=n)
    noisy = signal + 0.6 * rng.normal(size=(2, n))
    return labels, 1 / (1 + np.exp(-sure * (skill * noisy + np.log(0.4 / 0.6))))


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--kind", choices=["binary", "regression"], default="binary")
    parser.add_argument("--rows", type=int, nargs="+", default=[150, 1000])
    parser.add_argument("--skills", type=float, nargs="+", default=[1.0, 2.5, 4.0])
    parser.add_argument("--sure", type=float, nargs="+", default=[1.0, 3.0])
    options = parser.parse_args()
    judged = JUDGED[options.kind]
    print("| examples | skill | sure | metric | truth | interval holds the truth | equal models called different |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n in options.rows:
        for skill in options.skills:
            for sure in options.sure if options.kind == "binary" else [1.0]:
                rng = np.random.default_rng([n, round(10 * skill), round(10 * sure)])
                labels, scores = draw(options.kind, TRUTH, skill, sure, rng)
                truth = estimates([judged.arrange(labels, scores[0])], judged.metrics)
                covered, rejected = (dict.fromkeys(judged.metrics, 0) for _ in range(2))
                for _ in range(options.draws):
                    labels, scores = draw(options.kind, n, skill, sure, rng)
                    models = [judged.arrange(labels, one) for one in scores]
                    strata = labels if judged.stratified else np.zeros(n)
                    spread = distributions(models, strata, options.resamples, rng, judged.metrics)
                    reached = estimates(models, judged.metrics)
                    for metric in judged.metrics:
                        on_resamples, value = spread[metric][0], float(reached[metric][0])
                        low, high = interval_of(models[0], metric, on_resamples, value, 0.95)
                        covered[metric] += low <= truth[metric][0] <= high
                        if metric == "auroc":
                            p_value = delong(*map(Placements.of, models))
                        elif metric == "ece":
                            swaps = draw_swaps(n, options.resamples, rng)
                            p_value = calibration_p_value(labels, [tuple(scores)], swaps)
                        else:
                            p_value = bootstrap_p_value(spread[metric][0] - spread[metric][1])
                        rejected[metric] += p_value <= 0.05
                for metric in judged.metrics:
                    shares = f"{covered[metric] / options.draws:.1%} | {rejected[metric] / options.draws:.1%}"
                    print(f"| {n} | {skill} | {sure} | `{metric}` | {truth[metric][0]:.3f} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
