"""Style, types and shell scripts: what `make lint` checks."""

import subprocess

from tests.running import ROOT


def test_nothing_to_lint() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "lint"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"make lint:\n{done.stdout}{done.stderr}"
