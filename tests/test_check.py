from __future__ import annotations

import os
import re
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import yaml

from motifloom import check
from motifloom.check import bytes_per_place
from motifloom.cli import main
from motifloom.config import Bilstm, Cnn, CnnBilstm, DilatedCnn, Resnet, Rnn, read
from motifloom.models.gkm_svm import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

SPLIT = {"validation": ["b"], "test": ["c"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A genome of three chromosomes, regions on each, and the working directory there."""
    bases = "ACGTTGCAAC" * 60
    (tmp_path / "g.fa").write_text(f">a\n{bases}\n>b\n{bases}\n>c\n{bases}\n")
    (tmp_path / "r.bed").write_text("a\t100\t101\na\t300\t301\nb\t100\t101\nc\t100\t101\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(**datasets: dict[str, object]) -> str:
    return yaml.safe_dump({"datasets": datasets, "models": ["knn"]}, sort_keys=False)


def test_what_a_run_would_be_made_of_is_told(folder, capsys):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset, other=dataset))
    before = sorted(folder.iterdir())
    assert main(["check", "my.yaml"]) == 0
    told = capsys.readouterr().err
    assert "datasets: 2, examples: 16, trainings: 2" in told
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_check_that_is_stopped_leaves_nothing(folder, capsys, monkeypatch, name, status):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    before = sorted(folder.iterdir())
    number, handler = signal.Signals[name], signal.getsignal(signal.Signals[name])
    made = []

    def asked(*_: object) -> None:
        made.extend(folder.glob(".motifloom-check-*"))
        signal.raise_signal(number)

    monkeypatch.setattr(check, "prepare", asked)
    with pytest.raises(SystemExit) as stop:
        main(["check", "my.yaml"])
    assert stop.value.code == status
    assert made
    assert sorted(folder.iterdir()) == before
    assert capsys.readouterr().err.endswith(f"stopped by {name}\n")
    assert signal.getsignal(number) is handler


def test_a_check_that_is_stopped_within_compiled_code_is_stopped(folder, monkeypatch):
    """Which lets no other exception through."""

    def asked(*_: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit as stop:
            raise SystemError("returned a result with an exception set") from stop

    monkeypatch.setattr(check, "prepare", asked)
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    with pytest.raises(SystemExit) as stop:
        main(["check", "my.yaml"])
    assert stop.value.code == 143


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Cnn(filters=10), 250),
        (Cnn(filters=10, stride=5), 50),
        (DilatedCnn(filters=10, blocks=3), 250 + 450),
        (Resnet(filters=10, pool_size=4, hidden=8, blocks=2), 250 + 100),
        (Rnn(hidden=7, layers=2), 350),
        (Bilstm(hidden=7), 840),
        (CnnBilstm(filters=10, pool_size=4, pool_stride=2, hidden=7), 250 + 420),
    ],
)
def test_what_training_keeps_grows_with_what_a_network_has(network, expected):
    assert bytes_per_place(network) == expected


def test_the_memory_told_is_that_of_the_largest_job(folder, capsys):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 90, "split": SPLIT}
    settings = {"datasets": {"one": dataset}, "models": {"dilated_cnn": {"filters": 2000, "blocks": 20}}}
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    assert main(["check", "my.yaml"]) == 0
    told = capsys.readouterr().err
    train = int(re.search(r"train: (\d+) examples", told)[1])
    megabytes = 600 + train * 90 * bytes_per_place(DilatedCnn(filters=2000, blocks=20)) / 1e6
    assert f"memory: about {megabytes:.0f} MB" in told


def test_a_network_that_is_larger_than_the_machine_is_warned_of(folder, capsys):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    models = {"vast": {"architecture": "cnn", "filters": 10**9}}
    (folder / "my.yaml").write_text(yaml.safe_dump({"datasets": {"tf": dataset}, "models": models}))
    assert main(["check", "my.yaml"]) == 0
    told = capsys.readouterr().err
    assert "[check] memory: about 3000600 MB for the largest job\n[check] that is more than the" in told


def test_what_an_earlier_run_has_written_needs_no_room_again(folder, capsys, monkeypatch):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    assert main(["check", "my.yaml"]) == 2
    assert "0.0 MB are free; the run needs about" in capsys.readouterr().err
    (folder / "results" / "one").mkdir(parents=True)
    (folder / "results" / "one" / "sequences.bin").write_bytes(bytes(10_000))
    assert main(["check", "my.yaml"]) == 0


def test_what_lies_beside_a_runs_own_folders_is_not_looked_through(folder, capsys, monkeypatch):
    """Results may be a home folder or the root of all files."""
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(yaml.safe_dump({"results": ".", "datasets": {"one": dataset}, "models": ["knn"]}))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    (folder / "other").mkdir()
    (folder / "other" / "photographs").write_bytes(bytes(10_000))
    assert main(["check", "my.yaml"]) == 2
    assert "0.0 MB are free; the run needs about" in capsys.readouterr().err


def test_shuffles_beyond_all_memory_are_refused_before_any_is_made(folder, capsys, monkeypatch):
    (folder / "p.fa").write_text("".join(f">{n}\nACGTTGCAAC\n" for n in range(100)))
    pair = {"positives": "p.fa", "negatives": "dinucleotide-shuffle", "split": {"validation": 0.2, "test": 0.2}}
    (folder / "my.yaml").write_text(settings_of(d=pair | {"negatives_per_positive": 10**9}))
    monkeypatch.setattr("motifloom.check.prepare", lambda *_: pytest.fail("prepared"))
    assert main(["check", "my.yaml"]) == 2
    told = capsys.readouterr().err
    assert "error: datasets.d.negatives_per_positive: 1000000000 shuffles of 1490 bytes of positives do not fit" in told
    assert "MB of memory; expected at most " in told


def test_what_a_baseline_cannot_do_is_told(folder, capsys, monkeypatch):
    (folder / "t.tsv").write_text("sequence\ty\tsplit\n" + "".join(
        f"{'ACGTTGCAAC'[:length]}\t{label}\t{split}\n"
        for split in ("train", "validation", "test") for length, label in ((10, 0), (7, 1))
    ))  # fmt: skip
    table = {"sequences": "t.tsv", "labels": "y", "split": {"column": "split"}}
    models = {
        "near": {"architecture": "knn", "features": "positions"},
        "linear": {"architecture": "kmer_logistic", "features": "positions"},
        "gapped": {"architecture": "gkm_svm", "word_length": 8},
        "knn": {},
    }
    (folder / "my.yaml").write_text(yaml.safe_dump({"datasets": {"t": table}, "models": models}, sort_keys=False))
    monkeypatch.setenv("PATH", "nowhere")
    assert main(["check", "my.yaml"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert told == [
        (
            f"error: gkm_svm: gkmtrain and gkmpredict not found on the PATH; build lsgkm from {SOURCE} "
            "and add the folder of its programs to PATH, or leave gkm_svm out of models"
        ),
        "error: datasets.t, models.near: features: positions: expected sequences of one length; found 7 to 10 bp",
        "error: datasets.t, models.linear: features: positions: expected sequences of one length; found 7 to 10 bp",
        (
            "error: datasets.t, models.gapped: word_length: expected at most the length of the shortest sequence, "
            "7 bp; found 8"
        ),
    ]


def test_the_problems_of_all_datasets_are_told_at_once(folder, capsys):
    (folder / "bad.bed").write_text("a\t1\na\t2\t3\nb\tx\t3\n")
    (folder / "my.yaml").write_text(
        settings_of(
            rows={"genome": "g.fa", "regions": "bad.bed", "split": SPLIT},
            missing={"genome": "none.fa", "regions": "r.bed", "split": SPLIT},
            names={"genome": "g.fa", "regions": "r.bed", "split": {"validation": ["d"], "test": ["c"]}},
            both={"genome": "none.fa", "regions": "lost.bed", "split": SPLIT},
            motifs={
                "genome": "g.fa",
                "regions": "r.bed",
                "window": 30,
                "split": SPLIT,
                "motifs": {"database": "no.meme"},
            },
            toy={"simulate": {"motifs": ["CTCF"]}, "split": {"validation": ["chr1"], "test": ["chr2"]}},
        )
    )
    assert main(["check", "my.yaml"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert told == [
        (
            "error: bad.bed: row 1: 2 columns in 'a\t1'; "
            "expected at least chrom, start and end, separated by tabs or blanks"
        ),
        "error: bad.bed: row 3: start 'x', end '3'; expected whole numbers",
        "error: datasets.missing: none.fa: no such file",
        "error: datasets.names.split.validation: the genome has no chromosome 'd'; it has a, b, c",
        "error: datasets.both: lost.bed: no such file; the nearest there is 'r.bed'",
        "error: datasets.both: none.fa: no such file",
        "error: datasets.motifs: no.meme: no such file",
        "error: datasets.toy.simulate.motifs: 'CTCF' is no matrix of JASPAR2026; expected an id such as MA0139.2",
    ]


def test_what_is_wrong_beside_refused_settings_is_told_with_them(folder, capsys):
    (folder / "bad.bed").write_text("a\t1\n")
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    settings = {
        "results": "g.fa",
        "models": ["cnnn"],
        "datasets": {
            "faulty": {**dataset, "window": "wide", "strnd": "both", "regions": {"x": "bad.bed", "y": "lost.bed"}},
            "sound": dataset,
            "places": {**dataset, "split": {"validation": ["b"], "test": ["d"]}},
            "none": 5,
        },
    }
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    assert main(["check", "my.yaml"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert [line[:46] for line in told if "my.yaml" not in line] == [
        "error: datasets.faulty: lost.bed: no such file",
        "error: bad.bed: row 1: 2 columns in 'a\t1'; exp",
        "error: results: g.fa: g.fa is a file; expected",
        "error: datasets.places.split.test: the genome ",
    ]
    of_settings = [line.removeprefix("error: my.yaml: ").split(":")[0] for line in told if "my.yaml" in line]
    assert sorted(of_settings) == [
        "datasets.faulty.strnd", "datasets.faulty.window", "datasets.none", "models.cnnn"
    ]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == ["bad.bed", "g.fa", "my.yaml", "r.bed"]


def test_what_can_be_read_without_what_is_amiss_is_read(folder, capsys):
    """A fault of one file hides none of another's, and each is told once."""
    (folder / "bad.bed").write_text("a\t1\n")
    (folder / "bad.fa").write_text(">a\nAC!\n")
    (folder / "bad.tsv").write_text("sequence\tlabel\nAC!\t1\n")
    (folder / "bad.bw").write_text("junk")
    genome = {"genome": "bad.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    table = {"sequences": "bad.tsv", "labels": "label", "split": {"validation": 0.2, "test": 0.2}}
    base, place, words = "'!' is no base", "error: bad.bed: row 1: 2", "error: bad.bw: is no bigWig"
    cases = [
        ({"d": genome | {"regions": "no.bed"}}, {}, ["error: datasets.d: no.bed: no such", "error: bad.fa: line 2: "]),
        ({"d": genome | {"signal": {"s": "bad.bw"}, "exclude": "bad.bed"}}, {}, [
         "error: bad.fa: line 2: ", place, words]),
        ({"d": genome | {"widow": 30}}, {}, ["error: my.yaml: datasets.d.widow: unknown", "error: bad.fa: line 2: "]),
        (
            {"d": table, "e": genome | {"regions": "bad.bed"}},
            {"motifs": {"database": "no.meme"}},
            ["error: datasets.d: no.meme: no such", "error: bad.tsv: row 2: ", "error: datasets.e: no.meme: no such",
             "error: bad.fa: line 2: ", place],
        ),
        (
            {"d": genome | {"genome": "g.fa", "regions": "bad.bed"}},
            {"models": {"cnn": {}, "cnn_ensemble": {"architecture": "cnn"}}, "replicates": 2},
            ["error: my.yaml: models.cnn_ensemble: ", place],
        ),
    ]  # fmt: skip
    for datasets, others, expected in cases:
        (folder / "my.yaml").write_text(yaml.safe_dump({"datasets": datasets, "models": ["knn"]} | others))
        assert main(["check", "my.yaml"]) == 2
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert [line[: len(start)] for line, start in zip(told, expected, strict=True)] == expected
        assert all(base in line for line in told if "bad.fa" in line or "bad.tsv" in line)


def test_what_is_left_of_an_earlier_packed_genome_is_packed_anew_or_told(folder, capsys):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    packed = read(folder / "my.yaml").packed_genome("one")
    assert main(["pack", "--fasta", "g.fa", "--output", str(packed)]) == 0
    os.utime("g.fa", (1, 1))
    assert main(["check", "my.yaml"]) == 0
    (packed / "codes.bin").write_bytes(bytes(10))
    capsys.readouterr()
    assert main(["check", "my.yaml"]) == 2
    assert f"error: {packed}/codes.bin: holds 10 bases; expected 1800; remove the folder" in capsys.readouterr().err
    (packed / "codes.bin").unlink()
    assert main(["check", "my.yaml"]) == 0


def test_a_genome_that_prepare_is_not_given_or_that_is_not_packed_is_told(folder, capsys):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    command = ["prepare", "--config", "my.yaml", "--dataset", "one", "--output", "out"]
    assert main(command) == 2
    assert main([*command, "--genome", "lost"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert told == [
        "error: datasets.one: its windows lie in a genome; expected the packed one with --genome",
        "error: lost/contigs.tsv: no such file; there is no folder lost",
        "error: lost/codes.bin: no such file; there is no folder lost",
    ]
    assert not (folder / "out").exists()


@pytest.mark.parametrize("target", ["nowhere", "results"])
def test_results_that_are_a_link_to_nothing_are_told(folder, capsys, target):
    dataset = {"genome": "g.fa", "regions": "r.bed", "window": 30, "split": SPLIT}
    (folder / "my.yaml").write_text(settings_of(one=dataset))
    (folder / "results").symlink_to(target)
    assert main(["check", "my.yaml"]) == 2
    told = capsys.readouterr().err
    assert f"error: results: results: results is a link to '{target}', where nothing is; expected a folder" in told
    assert "Traceback" not in told
