"""
From a network's first-layer filters and attributions to motifs with names.

REQUIRED INPUTS: {results}/{dataset}/{model}/{replicate}/model.ckpt and, where there are attributions, seqlets.tsv of every
replicate.

OUTPUTS: {results}/{dataset}/{model}/motifs.tsv, motifs.meme, motifs.jaspar,
motifs.transfac, matches.meme, behaviour.tsv, pairs.tsv and hits.bed.gz; {results}/{dataset}/consensus.tsv,
consensus.meme, consensus_matches.meme and consensus.svg.

COMMANDS: motifloom motifs, consensus.
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
        jaspar=f"{RESULTS}/{{dataset}}/{{model}}/motifs.jaspar",
        transfac=f"{RESULTS}/{{dataset}}/{{model}}/motifs.transfac",
        behaviour=f"{RESULTS}/{{dataset}}/{{model}}/behaviour.tsv",
        pairs=f"{RESULTS}/{{dataset}}/{{model}}/pairs.tsv",
        hits=f"{RESULTS}/{{dataset}}/{{model}}/hits.bed.gz",
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


rule consensus:
    """Put the motifs of all networks of a dataset into clusters, and name the consensus of each."""
    input:
        tables=lambda wildcards: [
            f"{RESULTS}/{wildcards.dataset}/{model}/motifs.tsv" for model in CONFIG.with_motifs(wildcards.dataset)
        ],
        motifs=lambda wildcards: [
            f"{RESULTS}/{wildcards.dataset}/{model}/motifs.meme" for model in CONFIG.with_motifs(wildcards.dataset)
        ],
        database=lambda wildcards: CONFIG.database_file(wildcards.dataset),
    output:
        table=f"{RESULTS}/{{dataset}}/consensus.tsv",
        motifs=f"{RESULTS}/{{dataset}}/consensus.meme",
        matches=f"{RESULTS}/{{dataset}}/consensus_matches.meme",
        logos=f"{RESULTS}/{{dataset}}/consensus.svg",
    log:
        f"{RESULTS}/logs/consensus/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/consensus/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        folder=subpath(output.table, parent=True),
        models=lambda wildcards, input: [str(Path(table).parent) for table in input.tables],
        rerun_on=lambda wildcards: CONFIG.settings_of("consensus", wildcards.dataset),
    shell:
        "motifloom consensus"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --models {params.models:q}"
        " --threads {threads}"
        " --output {params.folder:q}"
        " --log {log:q}"
