"""The jobs of the tiny run, as :func:`tests.workflow.tiny_run.jobs` tells them."""

from __future__ import annotations

AFTER_EVALUATION = ["all", "collect table=comparisons", "collect table=metrics", "evaluate dataset=tiny", "report"]
AFTER_TRAINING = [*AFTER_EVALUATION, "diagnose dataset=tiny"]


def trained(model: str) -> str:
    return f"train dataset=tiny, model={model}, replicate=0"


KNN, CNN, BILSTM = ("fit dataset=tiny, model=knn, replicate=0", trained("cnn"), trained("bilstm"))
ENSEMBLES = [f"ensemble dataset=tiny, ensemble={model}_ensemble" for model in ("cnn", "bilstm")]


def motifs_of(*models: str) -> list[str]:
    """Return the jobs that read motifs from networks."""
    attributed = [
        f"{rule} dataset=tiny, model={model}, replicate=0" for rule in ("attribute", "patterns") for model in models
    ]
    return [*(f"motifs dataset=tiny, model={model}" for model in models), "consensus dataset=tiny", *attributed]


MOTIFS_OF_BOTH, CONSENSUS = motifs_of("cnn", "bilstm")[:3], "consensus dataset=tiny"
SIMULATE, PREPARE, AUDIT, ORACLE = (f"{rule} dataset=tiny" for rule in ("simulate", "prepare", "audit", "oracle"))
