"""``python -m elect``: the command ``elect``, which the package carries."""

import os
import sys
from pathlib import Path


def main() -> None:
    command = Path(__file__).with_name("bin") / "elect"
    os.execv(command, [str(command), *sys.argv[1:]])


if __name__ == "__main__":
    main()
