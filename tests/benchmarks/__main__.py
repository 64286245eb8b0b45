"""Both tables about grading, one after the other: cost, then trust.

    python -m tests.benchmarks [--small]

An hour and a half on two cores; `--small` (6 and 12 submissions, ten hostile cases) takes minutes.
"""

import argparse

from tests.benchmarks import grading, hostile_vs_nbgrader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="to see that they work")
    small = parser.parse_args().small
    grading.compare("01", [6, 12] if small else [6, 60, 300], 6 if small else 60, 2)
    print()
    hostile_vs_nbgrader.run(["NaN", "tags", "exit", "patched"] if small else [], 10)


if __name__ == "__main__":
    main()
