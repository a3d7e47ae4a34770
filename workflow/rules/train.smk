"""
From examples to models and their predictions.

REQUIRED INPUTS: {results}/{dataset}/examples.parquet, sequences.parquet and sequences.bin.

OUTPUTS: {results}/{dataset}/{model}/{replicate}/predictions.parquet and train_predictions.parquet; for networks also
model.ckpt, model.safetensors, history.csv, selftests.tsv and gradients.tsv, for baselines sweep.tsv.

COMMANDS: motifloom train, fit, ensemble, oracle.
"""


localrules:
    ensemble,


rule train:
    """Train one network and predict with it."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
    output:
        checkpoint=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/model.ckpt",
        weights=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/model.safetensors",
        history=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/history.csv",
        predictions=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/predictions.parquet",
        train_predictions=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/train_predictions.parquet",
        selftests=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/selftests.tsv",
        gradients=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/gradients.tsv",
    log:
        f"{RESULTS}/logs/train/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{dataset}}/{{model}}/{{replicate}}.tsv"
    wildcard_constraints:
        model="|".join(map(re.escape, CONFIG.networks())) or "$^",
    # The number of threads decides the last bits of a training: 1 a process, so that every machine gives the same as
    # every other job.
    threads: PROCESSES
    resources:
        mem=lambda wildcards, attempt: f"{4 * attempt}GB",
        runtime=lambda wildcards, attempt: f"{6 * attempt}h",
        gpu=gpus,
    params:
        config=settings,
        folder=subpath(output.checkpoint, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("train", wildcards.dataset, wildcards.model),
    shell:
        "motifloom train"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --model {wildcards.model:q}"
        " --replicate {wildcards.replicate}"
        " --examples {input.examples:q}"
        " --output {params.folder:q}"
        " --log {log:q}"


rule fit:
    """Fit one baseline and predict with it."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
        checkpoint=lambda wildcards: embedding_checkpoint(f"{RESULTS}/{wildcards.dataset}", wildcards),
    output:
        sweep=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/sweep.tsv",
        predictions=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/predictions.parquet",
        train_predictions=f"{RESULTS}/{{dataset}}/{{model}}/{{replicate}}/train_predictions.parquet",
    log:
        f"{RESULTS}/logs/fit/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit/{{dataset}}/{{model}}/{{replicate}}.tsv"
    wildcard_constraints:
        model="|".join(map(re.escape, CONFIG.baselines())) or "$^",
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{4 * attempt}GB",
        runtime="1h",
    params:
        config=settings,
        folder=subpath(output.predictions, parent=True),
        rerun_on=lambda wildcards: CONFIG.settings_of("fit", wildcards.dataset, wildcards.model),
    shell:
        "motifloom fit"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --model {wildcards.model:q}"
        " --examples {input.examples:q}"
        " --checkpoint {input.checkpoint:q}"
        " --output {params.folder:q}"
        " --log {log:q}"


rule ensemble:
    """Average the predictions of a network's replicates: a model of its own."""
    input:
        predictions=lambda wildcards: [
            f"{folder}/{name}.parquet"
            for folder in model_folders(wildcards.dataset, [CONFIG.ensembles()[wildcards.ensemble]])
            for name in ("predictions", "train_predictions")
        ],
    output:
        predictions=f"{RESULTS}/{{dataset}}/{{ensemble}}/0/predictions.parquet",
        train_predictions=f"{RESULTS}/{{dataset}}/{{ensemble}}/0/train_predictions.parquet",
    log:
        f"{RESULTS}/logs/ensemble/{{dataset}}/{{ensemble}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/ensemble/{{dataset}}/{{ensemble}}.tsv"
    wildcard_constraints:
        ensemble="|".join(map(re.escape, CONFIG.ensembles())) or "$^",
    threads: 1
    resources:
        mem="1GB",
        runtime="10m",
    params:
        trainings=lambda wildcards: model_folders(wildcards.dataset, [CONFIG.ensembles()[wildcards.ensemble]]),
        folder=subpath(output.predictions, parent=True),
    shell:
        "motifloom ensemble --trainings {params.trainings:q} --output {params.folder:q} --log {log:q}"


rule oracle:
    """Score a simulated dataset with the exact posterior, the ceiling for every model."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
    output:
        predictions=f"{RESULTS}/{{dataset}}/oracle/0/predictions.parquet",
        train_predictions=f"{RESULTS}/{{dataset}}/oracle/0/train_predictions.parquet",
    log:
        f"{RESULTS}/logs/oracle/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/oracle/{{dataset}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        folder=subpath(output.predictions, parent=True),
    shell:
        "motifloom oracle"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --examples {input.examples:q}"
        " --output {params.folder:q}"
        " --log {log:q}"
