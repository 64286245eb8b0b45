"""A pytest plugin for runs under nbval: what a learner must not see fails; results go to a file.

nbval --nbval-lax fails a cell that raises. This fails one that writes to stderr too, and one that
is marked as skipped or as meant to raise.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

FAILURES = "NBVAL_FAILURES"  # environment variable: the file that gets {cell name: what failed}
_failures: dict[str, str] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Generator[None, Any, Any]:
    marks = [name for name in ("skip", "check_exception") if item.options.get(name)]
    if marks:
        pytest.fail(f"the cell is marked {', '.join(marks)}: learners have no nbval")
    result = yield
    for output in item.test_outputs:
        if output.output_type == "stream" and output.name == "stderr":
            pytest.fail(f"the cell writes to stderr:\n{output.text}")
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failures[report.nodeid.split("::")[-1]] = report.longreprtext


def pytest_sessionfinish() -> None:
    Path(os.environ[FAILURES]).write_text(json.dumps(_failures))
