"""Simulate a genome with planted motifs: genome.fa, regions.bed, negatives.bed and sites.tsv, the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Simulate one dataset."""
    from motifloom import config
    from motifloom.data.simulate import simulate
    from motifloom.errors import InputError

    settings = config.read(args.config, dataset=args.dataset)
    section = settings.datasets[args.dataset]
    if not isinstance(section, config.SimulatedDataset):
        raise InputError(f"{args.config}: datasets.{args.dataset}: is no simulated dataset")
    simulate(args.dataset, section, settings.seed, args.output)
