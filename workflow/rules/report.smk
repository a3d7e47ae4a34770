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
        motifs=expand(
            f"{RESULTS}/{{dataset}}/{{model}}/motifs.tsv", dataset=CONFIG.datasets, model=CONFIG.with_filters()
        ),
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
        results=RESULTS,
    shell:
        "motifloom report"
        " --config {input.config:q}"
        " --results {params.results:q}"
        " --output {output:q}"
        " --log {log:q}"
