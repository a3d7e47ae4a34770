"""
From questions about models to tables: trials, each a small run of its own, by the same commands.

REQUIRED INPUTS: {results}/{dataset}/examples.parquet, sequences.parquet, sequences.bin and metrics.tsv; none of the
experiment context, whose datasets are simulated.

OUTPUTS: {results}/experiments/{experiment}.tsv, and the trials' {results}/experiments/{trial}/, which look like the
results of a run.

COMMANDS: motifloom sample, simulate, pack, prepare, train, fit, oracle, experiment.
"""


localrules:
    sample,


rule sample:
    """Draw a trial's examples from those of the run."""
    input:
        examples=rules.prepare.output.examples,
        sequences=dataset_files,
    output:
        examples=f"{RESULTS}/experiments/{{trial}}/{{dataset}}/examples.parquet",
        sequences=f"{RESULTS}/experiments/{{trial}}/{{dataset}}/sequences.parquet",
        bases=f"{RESULTS}/experiments/{{trial}}/{{dataset}}/sequences.bin",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/sample/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/sample/{{dataset}}.tsv"
    wildcard_constraints:
        trial=DRAWN,
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="10m",
    params:
        config=trial_settings,
        draw=lambda wildcards: TRIALS[wildcards.trial].draw.kind,
        number=lambda wildcards: TRIALS[wildcards.trial].draw.number,
        folder=subpath(output.examples, parent=True),
        rerun_on=lambda wildcards: [TRIALS[wildcards.trial].config.seed, CONFIG.kind(wildcards.dataset)],
    shell:
        "motifloom sample"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --examples {input.examples:q}"
        " --draw {params.draw:q}"
        " --number {params.number:q}"
        " --output {params.folder:q}"
        " --log {log:q}"


use rule simulate as simulate_trial with:
    output:
        fasta=f"{OF_TRIAL}/{{dataset}}/simulation/genome.fa",
        regions=f"{OF_TRIAL}/{{dataset}}/simulation/regions.bed",
        negatives=f"{OF_TRIAL}/{{dataset}}/simulation/negatives.bed",
        sites=f"{OF_TRIAL}/{{dataset}}/simulation/sites.tsv",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/simulate/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/simulate/{{dataset}}.tsv"
    wildcard_constraints:
        trial=SIMULATED,
        dataset=PAIR,
    params:
        config=trial_settings,
        rerun_on=trial_rerun_on("simulate"),


use rule pack as pack_trial with:
    input:
        fasta=lambda wildcards: TRIALS[wildcards.trial].config.fasta(PAIR),
    output:
        codes=f"{OF_TRIAL}/genomes/{{genome}}/codes.bin",
        contigs=f"{OF_TRIAL}/genomes/{{genome}}/contigs.tsv",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/pack/{{genome}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/pack/{{genome}}.tsv"
    wildcard_constraints:
        trial=SIMULATED,
        genome="[^/]+",
    params:
        sizes=[],


use rule prepare as prepare_trial with:
    input:
        genome=trial_genome,
        files=lambda wildcards: TRIALS[wildcards.trial].config.source_files(PAIR),
    output:
        examples=f"{OF_TRIAL}/{{dataset}}/examples.parquet",
        sequences=f"{OF_TRIAL}/{{dataset}}/sequences.parquet",
        bases=f"{OF_TRIAL}/{{dataset}}/sequences.bin",
        dropped=f"{OF_TRIAL}/{{dataset}}/dropped.tsv",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/prepare/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/prepare/{{dataset}}.tsv"
    wildcard_constraints:
        trial=SIMULATED,
        dataset=PAIR,
    params:
        config=trial_settings,
        sizes=[],
        rerun_on=trial_rerun_on("prepare"),


use rule train as train_trial with:
    input:
        examples=f"{OF_TRIAL}/{{dataset}}/examples.parquet",
        sequences=trial_dataset_files,
    output:
        checkpoint=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/model.ckpt",
        weights=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/model.safetensors",
        history=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/history.csv",
        predictions=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/predictions.parquet",
        train_predictions=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/train_predictions.parquet",
        selftests=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/selftests.tsv",
        gradients=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/gradients.tsv",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/train/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/train/{{dataset}}/{{model}}/{{replicate}}.tsv"
    wildcard_constraints:
        dataset=either([*CONFIG.datasets, PAIR]),
        model=either(CONFIG.networks()),
    params:
        config=trial_settings,
        rerun_on=trial_rerun_on("train"),


use rule fit as fit_trial with:
    input:
        examples=f"{OF_TRIAL}/{{dataset}}/examples.parquet",
        sequences=trial_dataset_files,
        checkpoint=lambda wildcards: embedding_checkpoint(
            f"{RESULTS}/experiments/{wildcards.trial}/{wildcards.dataset}", wildcards
        ),
    output:
        sweep=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/sweep.tsv",
        predictions=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/predictions.parquet",
        train_predictions=f"{OF_TRIAL}/{{dataset}}/{{model}}/{{replicate}}/train_predictions.parquet",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/fit/{{dataset}}/{{model}}/{{replicate}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/fit/{{dataset}}/{{model}}/{{replicate}}.tsv"
    wildcard_constraints:
        dataset=either([*CONFIG.datasets, PAIR]),
        model=either(CONFIG.baselines()),
    params:
        config=trial_settings,
        rerun_on=trial_rerun_on("fit"),


use rule oracle as oracle_trial with:
    input:
        examples=f"{OF_TRIAL}/{{dataset}}/examples.parquet",
        sequences=trial_dataset_files,
    output:
        predictions=f"{OF_TRIAL}/{{dataset}}/oracle/0/predictions.parquet",
        train_predictions=f"{OF_TRIAL}/{{dataset}}/oracle/0/train_predictions.parquet",
    log:
        f"{RESULTS}/logs/experiments/{{trial}}/oracle/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{trial}}/oracle/{{dataset}}.tsv"
    wildcard_constraints:
        trial=SIMULATED,
        dataset=PAIR,
    params:
        config=trial_settings,


rule experiment:
    """Tell what the models reach in all trials of an experiment."""
    input:
        predictions=trial_predictions,
        metrics=expand(f"{RESULTS}/{{dataset}}/metrics.tsv", dataset=CONFIG.datasets),
    output:
        f"{RESULTS}/experiments/{{experiment}}.tsv",
    log:
        f"{RESULTS}/logs/experiments/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/experiments/{{experiment}}.tsv"
    threads: 1
    resources:
        mem=lambda wildcards, attempt: f"{2 * attempt}GB",
        runtime="30m",
    params:
        config=settings,
        results=subpath(output[0], ancestor=2),
        rerun_on=lambda wildcards: CONFIG.experiments.model_dump_json(include={wildcards.experiment}),
    shell:
        "motifloom experiment"
        " --config {params.config:q}"
        " --experiment {wildcards.experiment:q}"
        " --results {params.results:q}"
        " --output {output:q}"
        " --log {log:q}"
