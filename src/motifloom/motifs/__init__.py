"""From a network's first-layer filters to motifs, their importance and their names."""
