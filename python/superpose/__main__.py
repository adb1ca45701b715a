# SPDX-License-Identifier: Apache-2.0
"""The program itself: ``python -m superpose toy --dim 10`` is ``superpose toy --dim 10``."""
from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as the program: verbs that can stop in order set their own
    return _native.main(["superpose", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
