"""The workflow from the outside: what a user types, and what then lies in the results."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
import yaml
from tests.workflow import tiny_run
from tests.workflow.tiny_run import ROOT, TINY, assert_same, run, snakemake, times

from motifloom import config
from motifloom.cli import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

METRICS = "dataset model replicate task split metric value ci_low ci_high n n_positive"
COMPARISONS = "dataset task metric model_a model_b difference ci_low ci_high p_value q_value"
EXAMPLES = "id split chrom start end strand tiny"
PREDICTIONS = "id split task label score"
MOTIFS = (
    "motif source replicate consensus width information_content sites importance match match_id match_q "
    "reproducibility dead"
)
OF_A_NETWORK = "history.csv model.ckpt model.safetensors selftests.tsv gradients.tsv attributions.parquet seqlets.tsv"
LEARNED = {"knn": "sweep.tsv", "cnn": OF_A_NETWORK, "bilstm": OF_A_NETWORK, "oracle": ""}
"""What a model leaves beside its predictions."""

AFTER_EVALUATION = ["all", "collect table=comparisons", "collect table=metrics", "evaluate dataset=tiny", "report"]
AFTER_TRAINING = [*AFTER_EVALUATION, "diagnose dataset=tiny"]
DIAGNOSIS = ("calibration", "reliability", "strata", "errors", "stability")
OF_OTHER_RUNS = {"ensemble", "sample", "experiment"}
"""Rules that a run of one replicate without experiments has no job of."""

TINY_RUN = ("--cores", "2", "--configfile", "tiny.yaml")


def trained(model: str) -> str:
    return f"train dataset=tiny, model={model}, replicate=0"


def again(job: str) -> str:
    """Return the second replicate's job."""
    return job.replace("replicate=0", "replicate=1")


KNN, CNN, BILSTM = ("fit dataset=tiny, model=knn, replicate=0", trained("cnn"), trained("bilstm"))
ENSEMBLES = [f"ensemble dataset=tiny, ensemble={model}_ensemble" for model in ("cnn", "bilstm")]


def motifs_of(*models: str) -> list[str]:
    """Return the jobs that read motifs from networks."""
    attributed = [
        f"{rule} dataset=tiny, model={model}, replicate=0" for rule in ("attribute", "patterns") for model in models
    ]
    return [*(f"motifs dataset=tiny, model={model}" for model in models), "consensus dataset=tiny", *attributed]


MOTIFS_OF_BOTH, CONSENSUS = motifs_of("cnn", "bilstm")[:3], "consensus dataset=tiny"
OF_MOTIFS = (
    "motifs.tsv", "motifs.meme", "motifs.jaspar", "motifs.transfac", "matches.meme", "behaviour.tsv", "pairs.tsv",
    "hits.bed.gz",
)  # fmt: skip
SIMULATE, PREPARE, AUDIT, ORACLE = (f"{rule} dataset=tiny" for rule in ("simulate", "prepare", "audit", "oracle"))


def rules() -> dict[str, str]:
    """Return every rule's text by its name."""
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *sorted(ROOT.glob("workflow/rules/*.smk"))])
    blocks = re.findall(r"^rule (\w+):\n((?: {4}.*\n|\n)*)", text, re.MULTILINE)
    return dict(blocks)


# ------------------------------------------------------------------------------------------------------ the whole run


def test_a_run_has_every_file(finished: Path) -> None:
    results = finished / "results"
    found = {name for name in times(results) if not name.startswith(("logs/", "benchmarks/", "genomes/"))}
    expected = {"report.html", "metrics.tsv", "comparisons.tsv", "config.yaml"}
    expected |= {f"tiny/{name}" for name in ("examples.parquet", "sequences.parquet", "sequences.bin", "dropped.tsv")}
    expected |= {f"tiny/{name}" for name in ("leaks.parquet", "shortcuts.tsv", "audit.json")}
    expected |= {f"tiny/{name}.tsv" for name in ("metrics", "comparisons", *DIAGNOSIS)}
    expected |= {f"tiny/simulation/{name}" for name in ("genome.fa", "regions.bed", "negatives.bed", "sites.tsv")}
    expected |= {f"tiny/{model}/{name}" for model in ("cnn", "bilstm") for name in OF_MOTIFS}
    expected |= {f"tiny/consensus{end}" for end in (".tsv", ".meme", ".svg", "_matches.meme")}
    for model, files in LEARNED.items():
        both = ["predictions.parquet", "train_predictions.parquet"]
        expected |= {f"tiny/{model}/0/{name}" for name in [*both, *files.split()]}
    assert found == expected


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("metrics.tsv", METRICS),
        ("tiny/metrics.tsv", METRICS),
        ("comparisons.tsv", COMPARISONS),
        ("tiny/comparisons.tsv", COMPARISONS),
        ("tiny/dropped.tsv", "file row reason"),
        ("tiny/examples.parquet", EXAMPLES),
        ("tiny/cnn/motifs.tsv", MOTIFS),
        *[(f"tiny/{model}/0/predictions.parquet", PREDICTIONS) for model in LEARNED],
    ],
)
def test_a_table_has_its_columns(finished: Path, name: str, columns: str) -> None:
    path = finished / "results" / name
    table = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, separator="\t")
    expected = columns.split()
    assert table.columns[: len(expected)] == expected
    assert (table.columns == expected) or name == "tiny/cnn/motifs.tsv"


def test_the_tables_speak_of_the_same_examples(finished: Path) -> None:
    folder = finished / "results" / "tiny"
    splits = pl.read_parquet(folder / "examples.parquet").select("id", "split")
    held_out = splits.filter(pl.col("split") != "train")
    for model in LEARNED:
        predictions = pl.read_parquet(folder / model / "0" / "predictions.parquet")
        assert predictions.select("id", "split").sort("id").equals(held_out.sort("id"))
        assert predictions["score"].is_between(0, 1).all()
    metrics = pl.read_csv(finished / "results" / "metrics.tsv", separator="\t")
    assert set(metrics["model"]) == set(LEARNED)
    assert dict(metrics.select("split", "n").unique().iter_rows()) == {"train": 120, "validation": 60, "test": 60}


def test_the_configuration_is_kept_with_its_defaults(finished: Path) -> None:
    assert config.read(finished / "results" / "config.yaml") == config.validate(TINY)


def test_every_job_leaves_a_log_and_its_cost(finished: Path) -> None:
    logs = {str(path.relative_to(finished / "results/logs").with_suffix("")) for path in finished.rglob("*.log")
            if path.is_relative_to(finished / "results")}  # fmt: skip
    benchmarks = finished / "results" / "benchmarks"
    costs = {str(path.relative_to(benchmarks).with_suffix("")) for path in benchmarks.rglob("*.tsv")}
    assert logs == costs
    assert {name.split("/")[0] for name in logs} == set(rules()) - {"all"} - OF_OTHER_RUNS


# -------------------------------------------------------------------------------------------------------- running again


def test_running_again_runs_nothing(copied: Path) -> None:
    before = times(copied / "results")
    assert "Nothing to be done" in run(copied, *TINY_RUN)
    assert times(copied / "results") == before


def test_a_changed_model_is_trained_alone(finished: Path, copied: Path) -> None:
    results, before = copied / "results", times(copied / "results")
    models = {**TINY["models"], "cnn": {**TINY["models"]["cnn"], "dropout": 0.1}}
    tiny_run.write_config(copied / "tiny.yaml", models=models)
    said = run(copied, *TINY_RUN)
    assert tiny_run.jobs(said) == sorted([*AFTER_TRAINING, "config", *motifs_of("cnn"), trained("cnn")])

    rewritten = (
        "config",
        "report",
        "metrics",
        "comparisons",
        "collect/",
        "evaluate/",
        "diagnose/",
        "consensus/",
        "tiny/consensus",
        *(f"tiny/{name}.tsv" for name in DIAGNOSIS),
        "tiny/metrics",
        "tiny/comparisons",
        "tiny/audit.json",
    )
    changed = {name for name, time in times(results).items() if time != before[name]}
    assert changed >= {"config.yaml", "report.html", "metrics.tsv", "tiny/cnn/0/model.ckpt", "tiny/cnn/motifs.tsv"}
    inside = [name.removeprefix("logs/").removeprefix("benchmarks/") for name in changed]
    assert [name for name in inside if "cnn" not in name and not name.startswith(rewritten)] == []

    first, second = (pl.read_csv(f / "results/metrics.tsv", separator="\t") for f in (finished, copied))
    assert first.filter(model="cnn")["value"].to_list() != second.filter(model="cnn")["value"].to_list()
    others = pl.col("model") != "cnn"
    assert first.filter(others).equals(second.filter(others))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"evaluation": {"resamples": 200}}, [*MOTIFS_OF_BOTH, *AFTER_EVALUATION]),
        ({"evaluation": {"resamples": 100, "confidence": 0.9}}, [*MOTIFS_OF_BOTH, *AFTER_TRAINING]),
        ({"motifs": {"attributions": 30}}, [*motifs_of("cnn", "bilstm"), "all", "report"]),
        ({"motifs": {"attributions": 0}}, [MOTIFS_OF_BOTH[0], CONSENSUS, "all", "report"]),
        ({"motifs": {"database": "jaspar-fungi"}}, [*MOTIFS_OF_BOTH, "all", "report"]),
        ({"models": {**TINY["models"], "knn": {"kmer": 5}}}, [KNN, *AFTER_TRAINING]),
        ({"models": {**TINY["models"], "cnn": {"filters": 9}}}, [CNN, *motifs_of("cnn"), *AFTER_TRAINING]),
        ({"models": {name: TINY["models"][name] for name in ("knn", "cnn")}}, [CONSENSUS, *AFTER_TRAINING]),
        (
            {"models": {**TINY["models"], "lstm": {"architecture": "bilstm"}}},
            [trained("lstm"), *motifs_of("lstm"), *AFTER_TRAINING],
        ),
        ({"training": {"max_epochs": 3}}, [CNN, BILSTM, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING]),
        (
            {"datasets": {"tiny": {**TINY["datasets"]["tiny"], "negatives_per_positive": 2}}},
            [PREPARE, AUDIT, KNN, CNN, BILSTM, ORACLE, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING],
        ),
        (
            {"replicates": 2},
            [
                *(again(job) for job in (KNN, CNN, BILSTM, *motifs_of("cnn", "bilstm")[3:])),
                *(*ENSEMBLES, *MOTIFS_OF_BOTH, *AFTER_TRAINING),
            ],
        ),
        (
            {"seed": 1},
            [SIMULATE, "pack", PREPARE, AUDIT, KNN, CNN, BILSTM, ORACLE, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING],
        ),
    ],
    ids=[
        "resamples",
        "confidence",
        "attributions",
        "filters alone",
        "database",
        "knn",
        "cnn",
        "fewer",
        "more",
        "training",
        "data",
        "replicates",
        "seed",
    ],
)
def test_a_change_runs_what_it_concerns(copied: Path, changes: dict[str, object], expected: list[str]) -> None:
    tiny_run.write_config(copied / "tiny.yaml", **changes)
    started = tiny_run.jobs(run(copied, *TINY_RUN, "--dry-run"))
    assert [re.sub("^pack .*", "pack", job) for job in started] == sorted([*expected, "config"])


def test_an_interrupted_run_goes_on_where_it_was(finished: Path, tmp_path: Path) -> None:
    """Ctrl-C while a network is trained, on one core; the end is that of the run that nobody stopped, on two."""
    tiny_run.write_config(tmp_path / "tiny.yaml")
    one_core = ("--cores", "1", "--configfile", "tiny.yaml")
    results = tmp_path / "results"
    with tiny_run.started(tmp_path, *one_core) as process:
        tiny_run.wait_for(lambda: list(results.glob("tiny/*/0/checkpoints/*")), process, "the first training")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(tiny_run.PATIENCE) != 0
    assert not (results / "report.html").exists()
    completed = tiny_run.completed_jobs((tmp_path / "said.txt").read_text())

    resumed = tiny_run.jobs(run(tmp_path, *one_core))
    assert sorted([*completed, *resumed]) == tiny_run.jobs((finished / "said.txt").read_text())
    assert_same(results, finished / "results")


def test_a_killed_run_goes_on_where_it_was(finished: Path, copied: Path) -> None:
    """kill -9 of all its processes while the last network is trained: nobody could clean up."""
    results = copied / "results"
    shutil.rmtree(results / "tiny/bilstm")
    for name in ("metrics.tsv", "comparisons.tsv"):
        (results / name).unlink()
        (results / "tiny" / name).unlink()
    before = times(results)
    with tiny_run.started(copied, *TINY_RUN) as process:
        tiny_run.wait_for(lambda: list(results.glob("tiny/bilstm/0/checkpoints/*")), process, "the training")
        os.killpg(process.pid, signal.SIGKILL)
    assert not (results / "tiny/bilstm/0/model.ckpt").exists()

    status, said = snakemake(copied, *TINY_RUN)
    assert status != 0
    assert "--unlock" in said
    run(copied, *TINY_RUN, "--unlock")
    assert tiny_run.jobs(run(copied, *TINY_RUN)) == sorted([*AFTER_TRAINING, BILSTM, *motifs_of("bilstm")])
    assert_same(results, finished / "results")
    untouched = [name for name in before if name.startswith(("tiny/cnn", "tiny/knn", "tiny/oracle", "genomes"))]
    assert untouched
    assert [name for name in untouched if times(results)[name] != before[name]] == []


# -------------------------------------------------------------------------------------------------------- configuration


def test_a_configfile_replaces_the_default_one(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    tiny_run.write_config(tmp_path / "mine.yaml")
    run(tmp_path, "results/config.yaml", "--cores", "1", "--configfile", "mine.yaml")
    assert config.read(tmp_path / "results/config.yaml") == config.validate(TINY)


def test_one_key_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml", seed=1)
    run(tmp_path, "results/config.yaml", "--cores", "1", "--config", "seed=3")
    assert config.read(tmp_path / "results/config.yaml") == config.validate({**TINY, "seed": 3})


def test_the_default_configuration_is_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    said = run(tmp_path, "--dry-run", "--cores", "1")
    started = tiny_run.jobs(said)
    assert {job.split()[0] for job in started} == set(rules()) - OF_OTHER_RUNS


def test_a_wrong_key_is_named_before_anything_runs(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml", trainning={"max_epochs": 3}, sead=1)
    status, said = snakemake(tmp_path, "--cores", "1")
    assert status == 2
    *_, training, seed = said.splitlines()
    assert training == "error: config.yaml: trainning: unknown key; the nearest known key is 'training'"
    assert seed == "error: config.yaml: sead: unknown key; the nearest known key is 'seed'"
    assert "Traceback" not in said
    assert "File " not in said
    assert not (tmp_path / "results").exists()


# ------------------------------------------------------------------------------------------------------------ odd paths


def test_paths_may_hold_any_character(finished: Path, tmp_path: Path) -> None:
    """A space, a quote, what a shell would run, what it would expand: in every path that a user can choose."""
    odd = """it's "$(touch broken)" `touch broken` & *;"""
    results = f"out {odd.replace('*', '')}"
    folder = tmp_path / f"work {odd}"
    inputs = folder / f"in {odd}"
    inputs.mkdir(parents=True)
    simulation = finished / "results/tiny/simulation"
    shutil.copy(simulation / "genome.fa", inputs / f"genome {odd}.fa")
    shutil.copy(simulation / "regions.bed", inputs / f"regions {odd}.bed")
    shutil.copy(finished / "results/tiny/cnn/motifs.meme", inputs / f"known {odd}.meme")
    (inputs / f"exclude {odd}.bed").write_text("chr1\t0\t10\n")
    tiny_run.write_config(
        folder / f"{odd}.yaml",
        results=results,
        datasets={
            "odd": {
                "genome": f"in {odd}/genome {odd}.fa",
                "regions": f"in {odd}/regions {odd}.bed",
                "exclude": f"in {odd}/exclude {odd}.bed",
                **{key: TINY["datasets"]["tiny"][key] for key in ("window", "negatives", "split")},
            }
        },
        models={name: TINY["models"][name] for name in ("knn", "cnn")},
        training={"max_epochs": 2},
        motifs={"database": f"in {odd}/known {odd}.meme"},
    )
    run(folder, "--cores", "2", "--configfile", f"{odd}.yaml")
    assert (folder / results / "report.html").is_file()
    assert list(tmp_path.rglob("broken")) == []


def test_names_may_look_like_wildcards_and_numbers(tmp_path: Path) -> None:
    """Braces, which Snakemake fills in, and what YAML takes for other numbers."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 30)) + f"\t{row % 2}\t{row % 3}\n" for row in range(40)]
    (tmp_path / "t.tsv").write_text("sequence\t{a}\t1.10\n" + "".join(rows))
    table = "{sequences: t.tsv, kind: regression, labels: ['{a}', 1.10], split: {validation: 0.2, test: 0.2}}"
    (tmp_path / "tiny.yaml").write_text(f"datasets: {{010: {table}}}\nmodels: [knn]\n")
    run(tmp_path, "results/config.yaml", "results/010/examples.parquet", *TINY_RUN)
    assert pl.read_parquet(tmp_path / "results/010/examples.parquet").columns == ["id", "split", "{a}", "1.10"]
    assert config.read(tmp_path / "results/config.yaml").datasets["010"].tasks == ["{a}", "1.10"]


# ------------------------------------------------------------------------------------------------ the rules' own form


def test_the_linter_advises_nothing_but_an_environment(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml")
    _, said = snakemake(tmp_path, "--lint")
    advice = set(re.findall(r"^ {4}\* (.*)$", said, re.MULTILINE))
    assert advice == {"Specify a conda environment or container for each rule.:"}


def test_the_rules_are_formatted() -> None:
    command = ["snakefmt", "--check", "Snakefile", "workflow"]
    done = subprocess.run(
        command, cwd=ROOT, env=tiny_run.environment(), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr


def test_snakemake_writes_its_own_report(copied: Path) -> None:
    run(copied, *TINY_RUN, "--report", "run.html")
    page = (copied / "run.html").read_text()
    assert "motifloom trains networks and baselines" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page) == []


def test_every_rule_tells_what_it_does(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml")
    said = run(tmp_path, "--list-rules")
    listed = dict(re.findall(r"^(\w+) \((\S.*\.)\)$", said, re.MULTILINE))
    of_trials = {name for name in listed if name.endswith("_trial")}  # they do what the rules of the run do
    assert of_trials == {f"{name}_trial" for name in ("simulate", "pack", "prepare", "train", "fit", "oracle")}
    assert set(listed) - of_trials == set(rules())


@pytest.mark.parametrize("rule", sorted(set(rules()) - {"all"}))
def test_a_rule_is_one_command_with_its_needs(rule: str) -> None:
    text = rules()[rule]
    for part in ("output:", "log:", "benchmark:", "threads:", "resources:", "mem=", "runtime="):
        assert part in text
    assert rule in COMMANDS
    assert re.search(rf'shell:\s+"motifloom {rule} ?', text)
    fields = re.findall(r"\{(input|output|params|log|wildcards)([.\w]*)(:q)?\}", text.partition("shell:")[2])
    assert [name for *name, quoted in fields if not quoted and name != ["wildcards", ".replicate"]] == []


def test_every_rule_is_named_in_its_stage_header() -> None:
    for path in sorted(ROOT.glob("workflow/rules/*.smk")):
        text = path.read_text()
        for rule in re.findall(r"^rule (\w+):", text, re.MULTILINE):
            commands = re.search(r"^COMMANDS: motifloom (.*)\.$", text, re.MULTILINE)
            assert commands, path
            assert rule in commands[1].split(", ")


def test_the_example_configurations_are_valid() -> None:
    examples = sorted(ROOT.glob("examples/*.yaml"))
    assert examples
    for path in examples:
        config.validate(yaml.safe_load(path.read_text()), str(path))


# ------------------------------------------------------------------------------------------------------------ bad input


def test_a_run_on_bad_input_ends_before_its_first_job(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("sequence\tlabel\nACGT\tmaybe\nAC1T\t1\n")
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.1, "test": 0.1}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets={"bad": table, "tiny": TINY["datasets"]["tiny"]})
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "error: t.tsv: row 2: 'label' is 'maybe'" in said
    assert "error: t.tsv: row 3: '1' is no base" in said
    assert "Traceback" not in said
    assert tiny_run.jobs(said) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".snakemake", "said.txt", "t.tsv", "tiny.yaml"]


def test_an_input_that_went_bad_ends_the_next_run_before_its_first_job(tmp_path: Path) -> None:
    """And what the run before it made stays."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 30)) + f"\t{row % 2}\n" for row in range(40)]
    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows))
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.2, "test": 0.2}}
    settings = {"datasets": {"bad": table}, "models": ["knn"]}
    tiny_run.write_config(tmp_path / "tiny.yaml", **settings)
    prepared = "results/bad/examples.parquet"
    assert tiny_run.snakemake(tmp_path, prepared, *TINY_RUN)[0] == 0
    made = (tmp_path / prepared).read_bytes()
    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows) + "ACGT\tmaybe\n")
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "error: t.tsv: row 42: 'label' is 'maybe'" in said
    assert tiny_run.jobs(said) == []
    assert (tmp_path / prepared).read_bytes() == made

    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows[::2] + rows[1:-2:2]))
    os.utime(tmp_path / "t.tsv", (0, 0))
    assert "prepare dataset=bad" in tiny_run.jobs(run(tmp_path, prepared, *TINY_RUN))


@pytest.mark.parametrize("results", ["t.tsv", "t.tsv/below"])
def test_a_file_in_the_place_of_the_results_is_told_in_a_line(results: str, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("sequence\tlabel\nACGT\tmaybe\n")
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.2, "test": 0.2}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets={"bad": table}, results=results)
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert f"error: results: {results}: " in said
    assert "t.tsv is a file; expected a folder, or a path where one can be made" in said
    assert "error: t.tsv: row 2: 'label' is 'maybe'" in said
    assert "Traceback" not in said


def test_a_key_that_stands_twice_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    tiny_run.write_config(path)
    path.write_text(path.read_text("utf-8") + "\nseed: 3\nseed: 4\n", "utf-8")
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "the key 'seed' stands on line" in said
    assert "Traceback" not in said


def test_absent_files_are_told_with_all_else_in_lines(tmp_path: Path) -> None:
    dataset = {"genome": "g.fa", "regions": "r.bed", "split": {"validation": ["a"], "test": ["b"]}}
    (tmp_path / "x.bed").write_text("a\t1\n", "utf-8")
    datasets = {"bad": dataset, "faulty": {**dataset, "regions": "x.bed", "windw": 50}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets=datasets)
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "error: datasets.bad: r.bed: no such file" in said
    assert "error: datasets.bad: g.fa: no such file" in said
    assert "tiny.yaml: datasets.faulty.windw: unknown key; the nearest known key is 'window'" in said
    assert "error: x.bed: row 1: 2 columns in 'a\t1'" in said
    assert "Traceback" not in said
