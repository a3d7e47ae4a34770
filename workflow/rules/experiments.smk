"""
From questions about models to tables: trials, each a small run of its own, by the same commands.

REQUIRED INPUTS: {results}/{dataset}/examples.parquet, sequences.parquet, sequences.bin and metrics.tsv; none of the
experiment context, whose datasets are simulated.

OUTPUTS: {results}/experiments/{experiment}.tsv, and the trials' {results}/experiments/{trial}/, which look like the
results of a run.

COMMANDS: motifloom sample, simulate, pack, prepare, train, fit, oracle, experiment.
"""

from motifloom.config.trials import PAIR, experiments, trials

TRIALS = {trial.name: trial for trial in trials(CONFIG)}
OF_TRIAL = f"{RESULTS}/experiments/{{trial}}"


def trial_settings(wildcards, output):
    """Return the file that the commands of a trial read the configuration from; as `settings` does of the run."""
    return str(settings_file(TRIALS[wildcards.trial].config))


def trial_rerun_on(stage):
    """Return a function that gives those settings of a trial whose change makes `stage` run anew."""
    return lambda wildcards: TRIALS[wildcards.trial].config.settings_of(
        stage, wildcards.dataset, wildcards.get("model", "")
    )


def trial_genome(wildcards):
    """Return the files of the packed genome that a trial's windows lie in."""
    folder = TRIALS[wildcards.trial].config.packed_genome(wildcards.dataset)
    return [f"{folder}/codes.bin", f"{folder}/contigs.tsv"]


def trial_dataset_files(wildcards):
    """Return the files of a trial's dataset that hold its sequences."""
    folder = f"{RESULTS}/experiments/{wildcards.trial}/{wildcards.dataset}"
    return [f"{folder}/sequences.parquet", f"{folder}/sequences.bin"]


def trial_predictions(wildcards):
    """Return the predictions of all trials of an experiment."""
    return [
        f"{trial.config.results}/{dataset}/{model}/0/{table}.parquet"
        for trial in TRIALS.values()
        if trial.experiment == wildcards.experiment
        for dataset in trial.config.datasets
        for model in trial.scored()
        for table in ("predictions", "train_predictions")
    ]


def either(names):
    """Return a constraint on a wildcard that matches these names alone."""
    return "|".join(map(re.escape, names)) or "$^"


DRAWN = either(name for name, trial in TRIALS.items() if trial.draw is not None)
SIMULATED = either(name for name, trial in TRIALS.items() if trial.draw is None)


wildcard_constraints:
    trial=either(TRIALS),
    experiment=either(experiments(CONFIG)),


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
        train=lambda wildcards: TRIALS[wildcards.trial].draw.train,
        labels=lambda wildcards: TRIALS[wildcards.trial].draw.labels,
        folder=subpath(output.examples, parent=True),
    shell:
        "motifloom sample"
        " --config {params.config:q}"
        " --dataset {wildcards.dataset:q}"
        " --examples {input.examples:q}"
        " --train {params.train:q}"
        " --labels {params.labels:q}"
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
