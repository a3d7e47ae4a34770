"""``python -m motifloom``."""

import sys

from motifloom.cli import main

sys.exit(main())
