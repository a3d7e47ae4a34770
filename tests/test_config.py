from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from motifloom.config import RESERVED_NAMES, Config, dump, read, validate
from motifloom.config.trials import trial_name, trials
from motifloom.errors import InputError

WORKFLOW = Path(__file__).parents[1] / "workflow" / "rules"

GOOD: dict[str, Any] = {
    "datasets": {
        "reb1": {
            "genome": "genome.fa",
            "regions": "reb1.bed",
            "split": {"validation": ["chrI"], "test": ["chrII", "chrIII"]},
        },
        "toy": {"simulate": {"motifs": ["MA0139.2"]}, "split": {"validation": ["chr1"], "test": ["chr2"]}},
    },
    "models": ["knn", "cnn"],
}


def changed(**changes: Any) -> dict[str, Any]:
    """Return the good settings with values set at dotted paths."""
    settings = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = settings
        for key in parents:
            section = section[key]
        section[last] = value
    return settings


def fasta(negatives: str | list[str]) -> dict[str, Any]:
    return {"positives": "a.fa", "negatives": negatives, "split": {"validation": 0.1, "test": 0.1}}


def problems(settings: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        validate(settings, "my.yaml")
    return caught.value.problems


def test_what_is_written_reads_back_alike(tmp_path):
    config = validate(GOOD)
    path = tmp_path / "config.yaml"
    path.write_text(dump(config))
    assert read(path) == config


def test_bare_names_and_an_empty_section_mean_the_defaults():
    bare = validate(changed(models=["knn", "cnn"]))
    mapping = validate(changed(models={"knn": None, "cnn": {}}))
    assert bare.models == mapping.models


def test_a_name_may_differ_from_its_architecture():
    config = validate(changed(models={"wide": {"architecture": "cnn", "filters": 256, "weight_decay": "1e-4"}}))
    assert config.models["wide"].filters == 256
    assert config.models["wide"].weight_decay == 1e-4
    assert config.with_filters() == config.networks() == ["wide"]


def test_chromosomes_named_by_numbers_are_text():
    config = validate(changed(datasets__reb1__split={"validation": [1], "test": [2, "X"]}))
    assert config.datasets["reb1"].split.test == ["2", "X"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (changed(sed=3), "my.yaml: sed: unknown key; the nearest known key is 'seed'"),
        (
            changed(datasets__reb1__windw=101),
            "my.yaml: datasets.reb1.windw: unknown key; the nearest known key is 'window'",
        ),
        (
            changed(datasets__reb1__split={"validation": ["a"], "tset": ["b"], "test": ["b"]}),
            "my.yaml: datasets.reb1.split.tset: unknown key; the nearest known key is 'test'",
        ),
        (
            changed(models={"cnn": {"filter": 3}}),
            "my.yaml: models.cnn.filter: unknown key; the nearest known key is 'filters'",
        ),
        (
            changed(models=["cnm"]),
            (
                "my.yaml: models.cnm: unknown architecture 'cnm'; expected one of knn, kmer_logistic, gkm_svm, cnn, "
                "resnet, dilated_cnn, rnn, lstm, bilstm, cnn_bilstm; the nearest is 'cnn'"
            ),
        ),
        (
            changed(models={"cnn": {"kernel_size": 8}}),
            "my.yaml: models.cnn.kernel_size: expected an odd number, so that the filter has a centre, found 8",
        ),
        (
            changed(datasets__reb1={"window": 5}),
            (
                "my.yaml: datasets.reb1: expected exactly one source: 'genome' and 'regions', "
                "'positives' and 'negatives', 'sequences' and 'labels', or 'simulate'"
            ),
        ),
        (
            changed(datasets__reb1__split={"validation": ["a", "b"], "test": ["b"]}),
            "my.yaml: datasets.reb1.split: b in both validation and test",
        ),
        (
            changed(motifs={"database": "jaspar-fungus"}),
            (
                "my.yaml: motifs.database: expected the path of a MEME file or one of jaspar-fungi, jaspar-insects, "
                "jaspar-nematodes, jaspar-plants, jaspar-vertebrates, found 'jaspar-fungus'"
            ),
        ),
        (
            changed(models={"a b": {"architecture": "knn"}}),
            (
                "my.yaml: models.a b: a name holds letters, digits, '.', '_' and '-', and starts with a letter or "
                "digit, found 'a b'"
            ),
        ),
        (
            changed(models={"kmer_logistic": {"penalties": [0.1, 0]}}),
            "my.yaml: models.kmer_logistic.penalties.1: input should be greater than 0, found 0",
        ),
        (
            changed(models={"gkm_svm": {"word_length": 6}}),
            "my.yaml: models.gkm_svm: informative: expected at most the word_length 6, found 7",
        ),
        (
            changed(
                datasets__sort={
                    "sequences": "s.tsv",
                    "labels": "y",
                    "kind": "regression",
                    "split": {"column": "split"},
                },
                models=["knn", "gkm_svm"],
            ),
            "my.yaml: models.gkm_svm: gkm_svm learns binary labels alone; datasets.sort is regression",
        ),
        (changed(models=[]), "my.yaml: models: dictionary should have at least 1 item after validation, not 0"),
        (
            changed(results="out/{a}"),
            (
                "my.yaml: results: expected a path without braces and angle brackets, "
                "which the workflow reads as wildcards, found 'out/{a}'"
            ),
        ),
        ([1], "my.yaml: expected a mapping of keys, found list"),
        (None, "my.yaml: expected a mapping of keys, found nothing"),
    ],
)
def test_a_problem_names_its_place_and_what_was_expected(settings, problem):
    assert problems(settings) == [problem]


def test_all_problems_are_told_at_once():
    settings = changed(seed=-1, datasets__reb1__window="wide", models={"cnn": {"dropout": 2}}, trainng={})
    assert len(problems(settings)) == 4


def test_a_taken_name_is_refused():
    settings = changed(models={"oracle": {"architecture": "cnn"}})
    assert "is taken; choose another" in problems(settings)[0]


def test_what_rules_write_beside_datasets_and_models_is_no_name_of_one():
    """A model is a folder of a dataset's folder, a dataset one of the results: files of other rules lie beside them."""
    text = "\n".join(path.read_text("utf-8") for path in WORKFLOW.glob("*.smk"))
    written = set(re.findall(r'f"\{(?:RESULTS|OF_TRIAL)\}/([^"]+)"', text))
    written |= {path.replace("{{table}}.tsv", f"{name}.tsv") for path in written for name in ("metrics", "comparisons")}
    names = {path.removeprefix("{{dataset}}/").split("/")[0] for path in written}
    fixed = {name for name in names if "{" not in name}
    assert {"consensus.svg", "metrics.tsv", "simulation", "logs"} < fixed
    assert fixed <= RESERVED_NAMES


def test_a_name_that_an_ensemble_has_is_refused():
    models = {name: {"architecture": "cnn"} for name in ("wide", "wide_ensemble")} | {
        "knn": {},
        "knn_ensemble": {"architecture": "cnn"},
    }
    (problem,) = problems(changed(models=models, replicates=2))
    assert problem.endswith("models.wide_ensemble: the name is taken by the ensemble of the replicates of wide")
    alone = validate(changed(models=models, replicates=1))
    assert alone.ensembles() == {}
    assert alone.scored("reb1") == dict.fromkeys(models, 1)


def test_every_network_of_several_replicates_has_an_ensemble():
    simulated = {"simulate": {"motifs": ["MA0363.1"]}, "split": {"validation": ["chr4"], "test": ["chr5"]}}
    config = validate(changed(models={"knn": {}, "cnn": {}}, replicates=3, datasets__toy=simulated))
    assert config.ensembles() == {"cnn_ensemble": "cnn"}
    assert list(config.scored("reb1").items()) == [("knn", 3), ("cnn", 3), ("cnn_ensemble", 1)]
    assert list(config.scored("toy").items()) == [("knn", 3), ("cnn", 3), ("cnn_ensemble", 1), ("oracle", 1)]


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 15))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; expected a mapping of keys"),
        ("# nothing\n", "is empty; expected a mapping of keys"),
        ("seed: 1\nmodels: [1", "line 2: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("seed: 1\n\tmodels: 2\n", "line 2: is no YAML: found character '\\t' that cannot start any token"),
        ("seed: 1\n---\nseed: 2\n", "line 2: is no YAML: but found another document"),
        ("a: !!python/object/apply:os.system ['true']", "line 1: is no YAML: could not determine a constructor for"),
        ("? [a, b]\n: 3\n", "line 1: is no YAML: found unhashable key"),
        ("a: \0\n", "is no YAML: unacceptable character #x0000"),
        ('a: "\\UFFFFFFFF"\n', "is no YAML: "),
        ("seed: 2024-13-45\n", "is no YAML: month must be in 1..12"),
        (f"seed: {'9' * 5000}\n", "is no YAML: Exceeds the limit"),
        (b"\xff\xfe\x00", "is no text in UTF-8: invalid start byte; expected YAML"),
        ("a: &a [*a]\n", "line 1: is no YAML: an alias stands within what it names"),
        (LAUGHS, "is no YAML: its aliases stand for more than 100000 values"),
        ("[" * 5000, "is nested too deeply; expected a configuration"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4: the key 'b' stands on line 2 already; expected it once"),
        ("- 1\n", "expected a mapping of keys, found list"),
        ("5\n", "expected a mapping of keys, found 5"),
        ("some\nwords\n", "expected a mapping of keys, found text"),
        ("\nwindow: !!int ''\n", "line 2: is no YAML: '' is no int"),
        ("window: !!int '-'\n", "line 1: is no YAML: '-' is no int"),
        ("window: !!int '_'\n", "line 1: is no YAML: '_' is no int"),
        ("window: !!int ten\n", "line 1: is no YAML: invalid literal for int()"),
        ("window: !!float ''\n", "line 1: is no YAML: '' is no float"),
        ("window: !!timestamp abc\n", "line 1: is no YAML: 'abc' is no timestamp"),
        ("window: !!bool [1]\n", "line 1: is no YAML: expected a scalar node, but found sequence"),
        ("window: !!map [1]\n", "line 1: is no YAML: expected a mapping node, but found sequence"),
        ("window: !!set [1]\n", "line 1: is no YAML: could not determine a constructor for the tag"),
        ("window: !!binary aaaa\n", "line 1: is no YAML: could not determine a constructor for the tag"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(write, text, told):
    path = write("my.yaml", text)
    with pytest.raises(InputError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: ")
    assert told in problem


def test_every_key_that_stands_twice_is_told(write):
    path = write("my.yaml", "seed: 1\ndatasets: {a: {x: 1}, a: {x: 1, x: 2}}\nseed: 2\n")
    with pytest.raises(InputError) as caught:
        read(path)
    assert [problem.removeprefix(f"{path}: ").partition(" stands")[0] for problem in caught.value.problems] == [
        "line 3: the key 'seed'",
        "line 2: the key 'a'",
        "line 2: the key 'x'",
    ]


def test_merged_keys_may_be_overridden_and_a_byte_order_mark_stands_before(write):
    text = (
        "\ufeffdatasets:\r\n"
        "  one: &one {genome: g.fa, regions: r.bed, split: {validation: [a], test: [b]}}\r\n"
        "  two: {<<: *one, regions: s.bed}\r\nmodels: [knn]\r\n"
    )
    config = read(write("my.yaml", text))
    assert [section.regions for section in config.datasets.values()] == ["r.bed", "s.bed"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (changed(training={"learning_rate": float("inf")}), "training.learning_rate: input should be a finite number"),
        (changed(datasets__reb1__window=10**20), "datasets.reb1: window: expected at most 1000000000, found 1e+20"),
        (changed(datasets__reb1__window=10**400), "window: expected at most 1000000000, found a number of 401 digits"),
        (changed(models={"knn": {"neighbours": [1, 10**400]}}), "expected at most 1000000000, found a number of 401"),
        (
            changed(datasets__toy__simulate={"motifs": ["MA0139.2"], "chromosomes": 10**9, "positives": 10**9}),
            "toy.simulate.chromosomes: input should be less than or equal to 10000, found 1000000000",
        ),
        (
            changed(experiments={"context": {"distances": [20, 10**9]}}),
            "experiments.context: distances: expected at most 999999950, found 1000000000",
        ),
        (
            changed(experiments={"context": {"window": 10**9, "positives": 10**9}}),
            "experiments.context: window: 1000000000 positives of 1000000000 bp and as many decoys take 8 chromosomes",
        ),
        (changed(experiments={"context": {"motifs": ["MA0139.2"] * 2}}), "context: motifs: MA0139.2 stands twice"),
        (changed(experiments={"capacity": {"variations": {"filters": []}}}), "capacity.variations.filters: "),
        (
            changed(experiments={"capacity": {"variations": {"pool_stride": [5]}}}),
            "experiments.capacity.variations.pool_stride: is not set in cnn; expected a number there to vary",
        ),
        (
            changed(experiments={"capacity": {"variations": {"blocks": [3]}}}),
            "experiments.capacity.variations.blocks: none of the networks has such a hyperparameter",
        ),
        (
            changed(datasets__reb1__window=100, datasets__reb1__jitter=50),
            "reb1: jitter: expected at most 49, found 50",
        ),
        (changed(datasets__reb1__negatives_per_positive=10**15), "negatives_per_positive: expected at most 1000000000"),
        (changed(datasets__toy__simulate={"motifs": ["MA0139.2"], "positives": 10**12}), "positives: expected at most"),
        (changed(models=["knn", "cnn", "knn"]), "models: knn stands twice"),
        (changed(models={"k" * 101: {"architecture": "knn"}}), "a name has at most 100 letters"),
        (changed(results="x" * 256), "results: expected a path of at most 4000 bytes, of names of at most 255"),
        (changed(results="out[1]"), "results: expected a path without * ? ["),
        (
            changed(
                datasets__pair={
                    "positives": ["a.fa", "b.fa"],
                    "negatives": "b.fa",
                    "split": {"validation": 0.1, "test": 0.1},
                }
            ),
            "datasets.pair: b.fa: is named as positives and as negatives",
        ),
        (
            changed(datasets__pair=fasta("gc-matched")),
            "datasets.pair: negatives: gc-matched needs a genome; expected a FASTA file, several, or dinucleotide-s",
        ),
        (changed(datasets__pair=fasta(["b.fa", "random"])), "datasets.pair: negatives: random needs a genome"),
        (
            changed(datasets__pair=fasta(["dinucleotide-shuffle"])),
            "datasets.pair: negatives: dinucleotide-shuffle is no file of a list; expected it alone, or files",
        ),
    ],
)
def test_what_could_not_be_done_is_refused(settings, told):
    (problem,) = problems(settings)
    assert told in problem


def test_a_seed_may_be_of_any_size():
    assert validate(changed(seed=10**30)).seed == 10**30


def test_a_kind_of_negatives_that_is_misspelt_is_told():
    config = validate(changed(datasets__reb1__negatives="gc_matched"))
    assert "datasets.reb1: gc_matched: no such file; is 'gc-matched' meant?" in config.missing_files("reb1")
    config = validate(changed(datasets__pair=fasta("gc_matched"), datasets__other=fasta("dinucleotide_shuffle")))
    assert "datasets.pair: gc_matched: no such file" in config.missing_files("pair")
    told = "datasets.other: dinucleotide_shuffle: no such file; is 'dinucleotide-shuffle' meant?"
    assert told in config.missing_files("other")


@pytest.mark.parametrize("limits", [{"distances": [999_999_950]}, {"window": 250_000_000, "positives": 16}])
def test_what_an_experiment_may_ask_for_makes_its_trials(limits):
    assert trials(validate(changed(experiments={"context": limits})))


def test_datasets_of_one_genome_share_its_packed_form():
    settings = changed(datasets__abf1={**GOOD["datasets"]["reb1"], "regions": "abf1.bed"})
    config = validate(settings)
    assert config.packed_genome("reb1") == config.packed_genome("abf1") != config.packed_genome("toy")


def test_a_stage_depends_on_its_own_settings_alone():
    one = validate(changed(models={"cnn": {}, "bilstm": {}}))
    other = validate(changed(models={"cnn": {"dropout": 0.1}, "bilstm": {}}, motifs={"database": "jaspar-fungi"}))

    def differs(stage: str, *names: str) -> bool:
        return one.settings_of(stage, *names) != other.settings_of(stage, *names)

    assert differs("train", "reb1", "cnn")
    assert differs("motifs", "reb1")
    assert not differs("train", "reb1", "bilstm")
    assert not differs("prepare", "reb1")
    assert not differs("simulate", "toy")
    assert not differs("evaluate", "reb1")


def test_a_datasets_strand_and_jitter_make_those_stages_run_anew_that_use_them():
    one = validate(changed(models={"cnn": {}, "knn": {}}))
    for key, stages in (("strand", {"train", "fit"}), ("jitter", {"prepare"})):
        reb1 = {**GOOD["datasets"]["reb1"], key: {"strand": "forward", "jitter": 10}[key]}
        other = validate(changed(models={"cnn": {}, "knn": {}}, datasets__reb1=reb1))
        for stage, model in (("train", "cnn"), ("fit", "knn"), ("prepare", ""), ("evaluate", ""), ("motifs", "")):
            differs = one.settings_of(stage, "reb1", model) != other.settings_of(stage, "reb1", model)
            assert differs == (stage in stages), (key, stage)
            assert one.settings_of(stage, "toy", model) == other.settings_of(stage, "toy", model)


def test_a_network_that_shares_strands_contradicts_a_dataset_with_a_direction():
    reb1 = {**GOOD["datasets"]["reb1"], "strand": "forward"}
    shared = {"architecture": "cnn", "shared_strands": True}
    with pytest.raises(InputError) as error:
        validate(changed(models={"two": shared, "knn": {}}, datasets__reb1=reb1))
    assert error.value.problems == [
        "config: models.two.shared_strands: reads both strands of every sequence, but datasets.reb1.strand is forward"
    ]
    validate(changed(models={"two": {"architecture": "cnn"}, "knn": {}}, datasets__reb1=reb1))


def test_every_section_is_frozen_and_closed():
    sections = [Config]
    while sections:
        section = sections.pop()
        assert section.model_config["frozen"]
        assert section.model_config["extra"] == "forbid"
        sections += [
            field.annotation
            for field in section.model_fields.values()
            if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields")
        ]
    yaml.safe_load(dump(validate(GOOD)))


def test_names_are_read_as_they_are_written(tmp_path):
    """To YAML 1.10 is 1.1, 010 is 8, 4:30 is 270, and yes is true; contigs, datasets and columns may be called so."""
    text = """
seed: 7
datasets:
  1:
    genome: g.fa
    regions: {01: a.bed, 1: b.bed}
    window: 100
    split: {validation: [1.10, 010, 4:30, yes], test: [04]}
  01: {sequences: t.tsv, labels: [no, 1_0], split: {validation: 0.10, test: .2}}
models: {cnn: {batch_norm: no, shared_strands: yes, dropout: 0.50}}
"""
    (tmp_path / "my.yaml").write_text(text)
    found = read(tmp_path / "my.yaml")
    assert list(found.datasets) == ["1", "01"]
    assert list(found.regions("1")) == ["01", "1"]
    assert found.datasets["1"].split.validation == ["1.10", "010", "4:30", "yes"]
    assert found.datasets["1"].split.test == ["04"]
    assert found.datasets["01"].labels == ["no", "1_0"]
    assert found.datasets["01"].split.validation == 0.1
    cnn = found.models["cnn"]
    assert (cnn.batch_norm, cnn.shared_strands, cnn.dropout) == (False, True, 0.5)
    (tmp_path / "again.yaml").write_text(dump(found))
    assert read(tmp_path / "again.yaml") == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed: true", "seed: input should be a valid integer, unable to parse string as an integer, found 'true'"),
        ("training: {learning_rate: yes}", "learning_rate: input should be a valid number"),
        ("training:", "training: expected a mapping of keys, found nothing"),
        ("{seed: 1, 'seed': 2}", "the key 'seed' stands on line 1 already"),
    ],
)
def test_a_value_of_another_kind_is_told_as_it_is_written(tmp_path, text, problem):
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(InputError) as told:
        read(tmp_path / "my.yaml")
    assert any(problem in one for one in told.value.problems)


@pytest.mark.parametrize("settings", [(100_000_001, 100_000_002), (0.1, 0.100_000_1), (1e-5, 2e-5)])
def test_trials_of_settings_that_differ_have_folders_of_their_own(settings):
    assert len({trial_name("capacity", "filters", setting, 0) for setting in settings}) == 2
