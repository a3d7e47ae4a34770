"""
From a network's first-layer filters and attributions to motifs with names.

REQUIRED INPUTS: {results}/{dataset}/{model}/{replicate}/model.ckpt and, where there are attributions, seqlets.tsv of every
replicate.

OUTPUTS: {results}/{dataset}/{model}/motifs.meme, motifs.tsv and matches.meme.

COMMANDS: motifloom motifs.
"""


rule motifs:
    """Learn one model's motifs, measure how much each matters, and name them."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
        checkpoints=lambda wildcards: [
            f"{folder}/model.ckpt" for folder in model_folders(wildcards.dataset, [wildcards.model])
        ],
        seqlets=lambda wildcards: [
            f"{folder}/seqlets.tsv"
            for folder in model_folders(wildcards.dataset, [wildcards.model])
            if CONFIG.attributions(wildcards.dataset)
        ],
        database=lambda wildcards: CONFIG.database_file(wildcards.dataset),
    output:
        table=f"{RESULTS}/{{dataset}}/{{model}}/motifs.tsv",
        motifs=f"{RESULTS}/{{dataset}}/{{model}}/motifs.meme",
        matches=f"{RESULTS}/{{dataset}}/{{model}}/matches.meme",
    log:
        f"{RESULTS}/logs/motifs/{{dataset}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/motifs/{{dataset}}/{{model}}.tsv"
    wildcard_constraints:
        model="|".join(map(re.escape, CONFIG.networks())) or "$^",
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{4 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{2 * attempt}h",
    params:
        config=settings,
        folder=subpath(output.table, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("motifs", wildcards.dataset),
    shell:
        "motifloom motifs"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --model {wildcards.model:q}"
        " --examples {input.examples:q}"
        " --checkpoints {input.checkpoints:q}"
        " --seqlets {input.seqlets:q}"
        " --threads {threads}"
        " --output {params.folder:q}"
        " --log {log:q}"
