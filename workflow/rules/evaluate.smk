"""
From predictions to tables of metrics and comparisons.

REQUIRED INPUTS: {results}/{dataset}/{model}/{replicate}/predictions.parquet and train_predictions.parquet; the audit's
{results}/{dataset}/leaks.parquet and shortcuts.tsv.

OUTPUTS: {results}/{dataset}/metrics.tsv, comparisons.tsv and audit.json; calibration.tsv, reliability.tsv, strata.tsv, errors.tsv and
stability.tsv beside them; {results}/metrics.tsv and comparisons.tsv of all datasets.

COMMANDS: motifloom evaluate, diagnose, collect.
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
        leaks=rules.audit.output.leaks,
        shortcuts=rules.audit.output.shortcuts,
        examples=rules.prepare.output.examples,
    output:
        audit=f"{RESULTS}/{{dataset}}/audit.json",
        metrics=f"{RESULTS}/{{dataset}}/metrics.tsv",
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.tsv",
    log:
        f"{RESULTS}/logs/evaluate/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{dataset}}.tsv"
    threads: 2
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        results=subpath(output.metrics, ancestor=2),
        rerun_on=lambda wildcards: CONFIG.settings_of("evaluate", wildcards.dataset),
    shell:
        "motifloom evaluate"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --results {params.results:q}"
        " --examples {input.examples:q}"
        " --leaks {input.leaks:q}"
        " --shortcuts {input.shortcuts:q}"
        " --threads {threads}"
        " --audit {output.audit:q}"
        " --metrics {output.metrics:q}"
        " --comparisons {output.comparisons:q}"
        " --log {log:q}"


rule diagnose:
    """Tell how far scores are probabilities, and where, how and how steadily one dataset's models err."""
    input:
        predictions=lambda wildcards: [f"{folder}/predictions.parquet" for folder in scored_folders(wildcards.dataset)],
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
        regions=lambda wildcards: CONFIG.regions(wildcards.dataset).values(),
    output:
        calibration=f"{RESULTS}/{{dataset}}/calibration.tsv",
        reliability=f"{RESULTS}/{{dataset}}/reliability.tsv",
        strata=f"{RESULTS}/{{dataset}}/strata.tsv",
        errors=f"{RESULTS}/{{dataset}}/errors.tsv",
        stability=f"{RESULTS}/{{dataset}}/stability.tsv",
    log:
        f"{RESULTS}/logs/diagnose/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/diagnose/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        results=subpath(output.calibration, ancestor=2),
        folder=subpath(output.calibration, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("diagnose", wildcards.dataset),
    shell:
        "motifloom diagnose"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --results {params.results:q}"
        " --examples {input.examples:q}"
        " --output {params.folder:q}"
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
