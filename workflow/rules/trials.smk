"""The trials of experiments, and what their rules need."""

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
