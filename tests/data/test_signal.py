"""Coverage of windows against bigWig files written here, value by value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyBigWig
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.config import validate
from motifloom.data import bigwig
from motifloom.data.signal import Signal
from motifloom.data.windows import genome_examples
from motifloom.errors import InputError
from motifloom.genome import Genome

if TYPE_CHECKING:
    import numpy.typing as npt

LENGTHS = {"I": 700, "II": 500, "III": 300}
NAN = float("nan")


@pytest.fixture(scope="module")
def genome() -> Genome:
    random = np.random.default_rng(0)
    offsets = dict(zip(LENGTHS, [0, 700, 1200], strict=True))
    return Genome(random.integers(0, 4, 1500).astype(np.uint8), offsets, dict(LENGTHS))


def write_bigwig(path: Path, tracks: dict[str, npt.NDArray[np.float64]]) -> Path:
    """Write values base by base; NaN where a base has none."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(chrom, len(values)) for chrom, values in tracks.items()])
        for chrom, values in tracks.items():
            covered = np.flatnonzero(~np.isnan(values))
            if len(covered):
                file.addEntries(
                    [chrom] * len(covered),
                    covered.tolist(),
                    ends=(covered + 1).tolist(),
                    values=values[covered].tolist(),
                )
    return path


def tracks(seed: int = 0, low: float = 0) -> dict[str, npt.NDArray[np.float64]]:
    """Draw values that a bigWig file holds exactly: eighths, with stretches of none."""
    random = np.random.default_rng(seed)
    drawn = {chrom: random.integers(8 * low, 400, length) / 8 for chrom, length in LENGTHS.items()}
    for values in drawn.values():
        values[random.random(len(values)) < 0.2] = NAN
        values[50:120] = NAN
    return drawn


def expected(values: npt.NDArray[np.float64], start: int, window: int, how: str) -> float:
    """Look at each base of a window."""
    each = [0.0 if np.isnan(value) else float(value) for value in values[start : start + window]]
    summed = max(each) if how.endswith("max") else sum(each) / window
    return float(np.log1p(summed)) if how.startswith("log1p") else summed


@given(
    places=st.lists(st.tuples(st.sampled_from(list(LENGTHS)), st.integers(0, 275)), max_size=40),
    window=st.integers(1, 25),
    how=st.sampled_from(["mean", "max", "log1p-mean", "log1p-max"]),
    span=st.integers(1, 400),
)
@settings(deadline=None, max_examples=60)
def test_coverage_is_that_of_every_base(tmp_path_factory, genome, places, window, how, span):
    path = tmp_path_factory.mktemp("signal") / "s.bw"
    signal = Signal.open(write_bigwig(path, tracks()), genome, {}, "datasets.tf")
    starts = np.sort(np.array([genome.offsets[chrom] + start for chrom, start in places], dtype=np.int64))
    joined = np.concatenate(list(tracks().values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bigwig, "SPAN", span)
        patch.setattr(bigwig, "_apart", lambda path, read, *arguments: read(str(path), *arguments))
        found = signal.coverage(genome, starts, window, how)
    assert found == pytest.approx([expected(joined, start, window, how) for start in starts.tolist()], abs=1e-12)


def test_negative_values_and_bases_without_any(tmp_path, genome):
    values = tracks(low=-40)
    values["I"][:20] = -2
    values["I"][20:40] = NAN
    signal = Signal.open(write_bigwig(tmp_path / "s.bw", values), genome, {}, "datasets.tf")
    starts = np.array([0, 15, 20])
    assert signal.coverage(genome, starts, 10, "mean").tolist() == [-2, -1, 0]
    assert signal.coverage(genome, starts, 10, "max").tolist() == [-2, 0, 0]
    with pytest.raises(
        InputError, match=r"s.bw: the coverage of I:0-10 is -2; 'coverage: log1p-max' needs .* 'coverage: max'"
    ):
        signal.coverage(genome, starts, 10, "log1p-max")


def test_infinite_values_are_refused(tmp_path, genome):
    values = tracks()
    values["II"][200] = np.inf
    signal = Signal.open(write_bigwig(tmp_path / "s.bw", values), genome, {}, "datasets.tf")
    with pytest.raises(InputError, match=r"s.bw: has infinite values, the first in II:195-205; expected numbers"):
        signal.coverage(genome, np.array([0, 895]), 10, "mean")


def test_a_chromosome_that_the_file_lacks_has_no_coverage(tmp_path, genome):
    values = tracks()
    path = write_bigwig(tmp_path / "s.bw", {"2": values["II"], "I": values["I"], "unplaced": values["III"]})
    signal = Signal.open(path, genome, {"2": "II", "3": "III"}, "datasets.tf")
    assert signal.names == {"II": "2", "I": "I"}
    found = signal.coverage(genome, np.array([5, 705, 1200, 1490]), 10, "mean")
    assert np.isnan(found).tolist() == [False, False, True, True]
    assert found[1] == expected(values["II"], 5, 10, "mean")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"is no bigWig file: begins with b''"),
        (b"chr1\t1\t2\t3.5\n", r"is no bigWig file: begins with b'chr1'"),
        (bytes.fromhex("ebf28987") + bytes(200), r"is a bigBed file, which has no values; expected bigWig"),
        (bytes.fromhex("26fc8f88") + bytes(20), r"is empty, truncated or damaged"),
        (bytes.fromhex("26fc8f88") + bytes(2000), r"is empty, truncated or damaged"),
        (bytes.fromhex("26fc8f88") + np.random.default_rng(1).bytes(5000), r"is empty, truncated or damaged"),
    ],
)
def test_what_is_no_bigwig_is_said(tmp_path, genome, content, problem):
    path = tmp_path / "s.bw"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"s\.bw: {problem}"):
        Signal.open(path, genome, {}, "datasets.tf")


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.9, 0.95])
def test_a_file_that_ends_too_early_is_said(tmp_path, genome, kept):
    path = write_bigwig(tmp_path / "s.bw", tracks())
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(InputError, match=r"s\.bw: is empty, truncated or damaged"):
        Signal.open(path, genome, {}, "datasets.tf")


def test_a_file_whose_values_are_damaged_is_said(tmp_path, genome):
    path = write_bigwig(tmp_path / "s.bw", tracks())
    whole = path.read_bytes()
    values, index = (int.from_bytes(whole[place : place + 8], "little") for place in (16, 24))
    path.write_bytes(whole[: values + 4] + bytes(index - values - 4) + whole[index:])
    with pytest.raises(InputError, match=r"s\.bw: cannot be read \(.*\); is it the whole file\?"):
        Signal.open(path, genome, {}, "datasets.tf").coverage(genome, np.arange(0, 1500, 10), 10, "mean")


def test_a_file_that_crashes_its_library_is_said(tmp_path, genome):
    """The index's first node names itself as the node below it: the library looks ever deeper."""
    path = write_bigwig(tmp_path / "s.bw", tracks())
    content = bytearray(path.read_bytes())
    node = int.from_bytes(content[24:32], "little") + 48
    content[node] = 0  # no leaf
    content[node + 20 : node + 28] = node.to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"s\.bw: is damaged, so that reading it crashes; fetch or make it again"):
        Signal.open(path, genome, {}, "datasets.tf").coverage(genome, np.arange(0, 1500, 10), 10, "mean")


def test_the_process_that_reads_a_file_runs_none_of_the_users(tmp_path):
    """What a folder holds may be called as a module of Python."""
    write_bigwig(tmp_path / "s.bw", tracks())
    for module in ("pickle", "random", "struct"):
        (tmp_path / f"{module}.py").write_text("raise RuntimeError('a file of the user was run')\n")
    (tmp_path / "g.fa").write_text("".join(f">{chrom}\n{'ACGT' * (n // 4)}\n" for chrom, n in LENGTHS.items()))
    (tmp_path / "r.bed").write_text(REGIONS)
    split = {"validation": ["II"], "test": ["III"]}
    section = {"genome": "g.fa", "regions": "r.bed", "signal": {"a": "s.bw"}, "window": 10, "split": split}
    (tmp_path / "my.yaml").write_text(yaml.safe_dump({"datasets": {"tf": section}, "models": ["knn"]}))
    command = [Path(sys.executable).with_name("motifloom"), "check", "my.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr


def test_a_file_without_values_is_said(tmp_path, genome):
    path = write_bigwig(tmp_path / "s.bw", {chrom: np.full(length, NAN) for chrom, length in LENGTHS.items()})
    with pytest.raises(InputError, match=r"s\.bw: is empty, truncated or damaged"):
        Signal.open(path, genome, {}, "datasets.tf")


def test_infinite_values_are_said(tmp_path, genome):
    path = write_bigwig(tmp_path / "s.bw", {chrom: np.full(length, np.inf) for chrom, length in LENGTHS.items()})
    with pytest.raises(InputError, match=r"s\.bw: has infinite values"):
        Signal.open(path, genome, {}, "datasets.tf").coverage(genome, np.arange(0, 700, 10), 10, "mean")


def test_a_missing_file_is_said(tmp_path, genome):
    with pytest.raises(InputError, match=r"s\.bw: no such file"):
        Signal.open(tmp_path / "s.bw", genome, {}, "datasets.tf")


def test_other_names_and_other_assemblies_are_told_apart(tmp_path, genome):
    values = tracks()
    path = write_bigwig(tmp_path / "s.bw", {f"chr{chrom}": track for chrom, track in values.items()})
    with pytest.raises(
        InputError, match=r"s\.bw: none of its chromosomes .* 'aliases: \{chrI: I, chrII: II, chrIII: III\}'"
    ):
        Signal.open(path, genome, {}, "datasets.tf")
    path = write_bigwig(tmp_path / "s.bw", {"I": values["I"], "II": values["III"], "III": values["II"]})
    told = r"s\.bw: 'II' has 300 bp, the genome's 'II' 500; 2 of 3 chromosomes differ; expected .* same assembly"
    with pytest.raises(InputError, match=told):
        Signal.open(path, genome, {}, "datasets.tf")


# ----------------------------------------------------------------------------------------------------------- datasets


def examples_of(
    folder: Path, genome: Genome, regions: dict[str, str] | str, signal: dict[str, dict[str, Any]], **section: Any
):
    """Prepare a dataset of two signals on files written here."""
    files = {"r": regions} if isinstance(regions, str) else regions
    for name, text in files.items():
        (folder / f"{name}.bed").write_text(text)
    paths = {name: str(folder / f"{name}.bed") for name in files}
    bigwigs = {task: str(write_bigwig(folder / f"{task}.bw", values)) for task, values in signal.items()}
    settings = {
        "genome": "g.fa", "regions": paths["r"] if isinstance(regions, str) else paths, "signal": bigwigs, "window": 10,
        "split": {"validation": ["II"], "test": ["III"]}, **section,
    }  # fmt: skip
    config = validate({"datasets": {"tf": settings}, "models": ["knn"]})
    return genome_examples(config, "tf", genome)


REGIONS = "".join(f"{chrom}\t{start}\t{start + 4}\n" for chrom in LENGTHS for start in range(20, 280, 30))


def test_windows_are_labelled_by_each_signal(tmp_path, genome):
    one, other = tracks(1), tracks(2)
    examples = examples_of(tmp_path, genome, REGIONS, {"ATAC": one, "DNase": other})
    assert len(examples.records) == 27
    assert examples.labels.schema == pl.Schema({"ATAC": pl.Float64, "DNase": pl.Float64})
    for (chrom, start), labels in zip(
        examples.records.select("chrom", "start").rows(), examples.labels.rows(), strict=True
    ):
        assert labels == pytest.approx([expected(track[chrom], start, 10, "log1p-mean") for track in (one, other)])
    assert set(examples.records["split"]) == {"train", "validation", "test"}
    assert examples.dropped.is_empty()


def test_background_windows_are_labelled_as_well(tmp_path, genome):
    values = tracks(1)
    examples = examples_of(
        tmp_path, genome, REGIONS, {"ATAC": values}, negatives="random", negatives_per_positive=1, coverage="max"
    )
    assert len(examples.records) == 54
    for (chrom, start), label in zip(
        examples.records.select("chrom", "start").rows(), examples.labels["ATAC"], strict=True
    ):
        assert label == expected(values[chrom], start, 10, "max")


def test_given_background_windows_are_used_without_a_ratio(tmp_path, genome):
    (tmp_path / "n.bed").write_text("I\t400\t410\n")
    examples = examples_of(tmp_path, genome, REGIONS, {"ATAC": tracks(1)}, negatives=str(tmp_path / "n.bed"))
    assert len(examples.records) == 28
    assert "I:400-410" in examples.records["id"].to_list()


def test_several_files_of_regions_are_merged_but_no_tasks(tmp_path, genome):
    near = REGIONS.replace("\t20\t24\n", "\t22\t26\n")
    examples = examples_of(tmp_path, genome, {"a": REGIONS, "b": near}, {"ATAC": tracks(1)})
    assert examples.labels.columns == ["ATAC"]
    assert len(examples.records) == 27
    assert "I:18-28" in examples.records["id"].to_list()


def test_a_label_is_missing_where_one_signal_lacks_the_chromosome(tmp_path, genome):
    whole, part = tracks(1), tracks(2)
    del whole["III"], part["II"], part["III"]
    split = {"validation": 0.2, "test": 0.2}
    examples = examples_of(
        tmp_path,
        genome,
        REGIONS,
        {"ATAC": whole, "DNase": part},
        negatives="random",
        negatives_per_positive=1,
        split=split,
    )
    assert set(examples.records["chrom"]) == {"I", "II"}
    assert len(examples.records) == 36
    assert examples.labels["ATAC"].null_count() == 0
    missing = examples.labels["DNase"].is_null()
    assert missing.to_list() == (examples.records["chrom"] == "II").to_list()
    assert examples.dropped["reason"].unique().to_list() == ["no bigWig file has the window's chromosome"]
    assert len(examples.dropped) == 9


def test_problems_of_signals_are_told_with_those_of_regions(tmp_path, genome):
    with pytest.raises(InputError) as caught:
        examples_of(tmp_path, genome, "I\tx\t2\n", {"ATAC": {"I": np.ones(9)}, "DNase": {"chrI": np.ones(700)}})
    assert [problem.split(": ")[0].split("/")[-1] for problem in caught.value.problems] == [
        "r.bed",
        "ATAC.bw",
        "DNase.bw",
    ]
