"""
From predictions to tables of metrics and comparisons.

REQUIRED INPUTS: {results}/{dataset}/{model}/{replicate}/predictions.parquet and train_predictions.parquet.

OUTPUTS: {results}/{dataset}/metrics.tsv and comparisons.tsv; {results}/metrics.tsv and comparisons.tsv of all datasets.

COMMANDS: motifloom evaluate, collect.
"""


localrules:
    collect,


rule evaluate:
    """Compute one dataset's metrics with intervals, and compare every pair of its models."""
    input:
        predictions=lambda wildcards: [
            f"{folder}/{name}.parquet"
            for folder in scored_folders(wildcards.dataset)
            for name in ("predictions", "train_predictions")
        ],
    output:
        metrics=f"{RESULTS}/{{dataset}}/metrics.tsv",
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.tsv",
    log:
        f"{RESULTS}/logs/evaluate/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        results=subpath(output.metrics, ancestor=2),
        rerun_on=CONFIG.settings_of("evaluate"),
    shell:
        "motifloom evaluate"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --results {params.results:q}"
        " --metrics {output.metrics:q}"
        " --comparisons {output.comparisons:q}"
        " --log {log:q}"


rule collect:
    """Put the tables of all datasets together."""
    input:
        expand(f"{RESULTS}/{{dataset}}/{{{{table}}}}.tsv", dataset=CONFIG.datasets),
    output:
        report(
            f"{RESULTS}/{{table}}.tsv", category="Tables", caption="../report/table.rst", labels={"table": "{table}"}
        ),
    log:
        f"{RESULTS}/logs/collect/{{table}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/collect/{{table}}.tsv"
    wildcard_constraints:
        table="metrics|comparisons",
    threads: 1
    resources:
        mem="500MB",
        runtime="5m",
    shell:
        "motifloom collect --inputs {input:q} --output {output:q} --log {log:q}"
