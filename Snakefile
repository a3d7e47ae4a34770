from snakemake.utils import min_version

min_version("9.19")


include: "workflow/rules/common.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/attributions.smk"
include: "workflow/rules/motifs.smk"
include: "workflow/rules/trials.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


onstart:
    check_inputs()


rule all:
    """The whole run: a report, and the tables it shows."""
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/metrics.tsv",
        f"{RESULTS}/comparisons.tsv",
        f"{RESULTS}/config.yaml",
