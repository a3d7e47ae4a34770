"""From a genome and a list of regions to trained networks, honest comparisons and a motif report."""

from importlib.metadata import version

__version__ = version("motifloom")
