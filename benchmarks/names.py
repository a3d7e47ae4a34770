"""How often known motifs, counted anew from few sites with flanks, get their own name.

python benchmarks/names.py
"""

from __future__ import annotations

import numpy as np

from motifloom.machine import prepare_process
from motifloom.motifs.matching import CONFIDENT_Q, comparable, match, read_database, tomtom_p_values
from motifloom.motifs.motif import Motif, probabilities, trim

prepare_process(threads=1)

NUMBER = 160
TOGETHER = 8
"""So many motifs make the motifs of one model: with their flanks and sites alike, about what a network has."""
BACKGROUND = [0.31, 0.19, 0.19, 0.31]


def main() -> None:
    """Print a line for each database and number of sites."""
    for taxon in ("fungi", "vertebrates"):
        database = read_database(f"jaspar-{taxon}")
        for sites in (15, 60):
            random = np.random.default_rng(0)
            motifs = []
            for place in random.permutation(len(database))[:NUMBER]:
                before, after = (np.tile(BACKGROUND, (random.integers(1, 5), 1)) for _ in range(2))
                known = database[place].ppm if random.random() < 0.5 else database[place].ppm[::-1, ::-1]
                wide = np.vstack([before, known, after])
                counts = np.array([random.multinomial(sites, column / column.sum()) for column in wide])
                motif = Motif(database[place].identifier, 0, 0, trim(probabilities(counts)), sites, dead=False)
                motifs += [motif] if comparable(motif) else []
            least = tomtom_p_values([m.ppm for m in motifs], [known.ppm for known in database])[0].argmin(axis=1)
            by_p = sum(database[place].identifier == m.name for place, m in zip(least, motifs, strict=True))
            parts = [motifs[first : first + TOGETHER] for first in range(0, len(motifs), TOGETHER)]
            found = {name: one for part in parts for name, one in match(part, database, 0).items()}
            right = [one.q_value for name, one in found.items() if one.known.identifier == name]
            confident = sum(one.q_value < CONFIDENT_Q for one in found.values())
            print(
                f"{taxon}, {sites} sites: of {len(motifs)}, {confident} have a name at q < {CONFIDENT_Q:g}; "
                f"{len(right)} their own by likelihood, {by_p} by the least p",
                flush=True,
            )


if __name__ == "__main__":
    main()
