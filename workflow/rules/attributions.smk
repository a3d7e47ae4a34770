"""
From a network to what it reads in single sequences, and to the patterns that they repeat.

REQUIRED INPUTS: {results}/{dataset}/{model}/{replicate}/model.ckpt and predictions.parquet.

OUTPUTS: {results}/{dataset}/{model}/{replicate}/attributions.parquet and seqlets.tsv.

COMMANDS: motifloom attribute, patterns.
"""


rule attribute:
    """Attribute one network's output for some held-out sequences to their bases."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
        checkpoint=rules.train.output.checkpoint,
        predictions=rules.train.output.predictions,
    output:
        f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/attributions.parquet",
    log:
        f"{RESULTS}/logs/attribute/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attribute/{{dataset}}/{{model}}/{{replicate}}.tsv"
    wildcard_constraints:
        model="|".join(map(re.escape, CONFIG.networks())) or "$^",
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{4 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{2 * attempt}h",
    params:
        config=settings,
        folder=subpath(output[0], parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("attribute", wildcards.dataset),
    shell:
        "motifloom attribute"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --model {wildcards.model:q}"
        " --replicate {wildcards.replicate}"
        " --examples {input.examples:q}"
        " --checkpoint {input.checkpoint:q}"
        " --predictions {input.predictions:q}"
        " --threads {threads}"
        " --output {params.folder:q}"
        " --log {log:q}"


rule patterns:
    """Find the patterns that one network's attributions repeat."""
    input:
        rules.attribute.output,
    output:
        f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/seqlets.tsv",
    log:
        f"{RESULTS}/logs/patterns/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/patterns/{{dataset}}/{{model}}/{{replicate}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{4 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{2 * attempt}h",
    shell:
        "motifloom patterns --attributions {input:q} --threads {threads} --output {output:q} --log {log:q}"
