"""
From all results to one page.

REQUIRED INPUTS: every table of the run.

OUTPUTS: {results}/report.html.

COMMANDS: motifloom report.
"""


localrules:
    report,


rule report:
    """Write the page: what was run, how the models compare, what they learned."""
    input:
        config=f"{RESULTS}/config.yaml",
        metrics=f"{RESULTS}/metrics.tsv",
        comparisons=f"{RESULTS}/comparisons.tsv",
        examples=expand(
            f"{RESULTS}/{{dataset}}/{{table}}",
            dataset=CONFIG.datasets,
            table=["examples.parquet", "sequences.parquet", "dropped.tsv", "audit.json"],
        ),
        diagnosis=expand(
            f"{RESULTS}/{{dataset}}/{{table}}.tsv",
            dataset=CONFIG.datasets,
            table=["calibration", "reliability", "strata", "errors", "stability"],
        ),
        experiments=expand(f"{RESULTS}/experiments/{{experiment}}.tsv", experiment=experiments(CONFIG)),
        sites=expand(f"{RESULTS}/{{dataset}}/simulation/sites.tsv", dataset=CONFIG.simulated()),
        predictions=[
            f"{folder}/predictions.parquet" for dataset in CONFIG.datasets for folder in scored_folders(dataset)
        ],
        trainings=[
            f"{folder}/{file}"
            for dataset in CONFIG.datasets
            for folder in model_folders(dataset, CONFIG.networks())
            for file in ("history.csv", "selftests.tsv", "gradients.tsv")
        ],
        sweeps=[
            f"{folder}/sweep.tsv"
            for dataset in CONFIG.datasets
            for folder in model_folders(dataset, CONFIG.baselines())
        ],
        motifs=[
            f"{RESULTS}/{dataset}/{model}/{file}"
            for dataset in CONFIG.datasets
            for model in CONFIG.with_motifs(dataset)
            for file in ("motifs.tsv", "motifs.meme", "matches.meme", "behaviour.tsv", "pairs.tsv")
        ],
        consensus=[
            f"{RESULTS}/{dataset}/{file}"
            for dataset in CONFIG.datasets
            if CONFIG.with_motifs(dataset)
            for file in ("consensus.tsv", "consensus.meme", "consensus_matches.meme")
        ],
        attributions=[
            f"{folder}/{file}"
            for dataset in CONFIG.datasets
            if CONFIG.attributions(dataset)
            for folder in model_folders(dataset, CONFIG.networks())
            for file in ("attributions.parquet", "seqlets.tsv")
        ],
    output:
        report(
            f"{RESULTS}/report.html",
            category="Report",
            caption="../report/report.rst",
            labels={"page": "motif report"},
        ),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    threads: 1
    resources:
        mem="1GB",
        runtime="10m",
    params:
        results=subpath(input.config, parent=True),
    shell:
        "motifloom report"
        " --config {input.config:q}"
        " --results {params.results:q}"
        " --output {output:q}"
        " --log {log:q}"
