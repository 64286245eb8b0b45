"""What all tests share: figures are closed; seconds that notebooks took are listed at the end."""

import math
import sys
from collections.abc import Iterator

import pytest

BUDGET = 20  # seconds of CPU a notebook may take, its kernel's start included


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "browser tests: photograph whole notebooks in tests/screenshots, not only figures"
    parser.addoption("--pages", action="store_true", help=text)


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """No test leaves a figure open: matplotlib warns when twenty are, whichever test is next."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def _measured(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, float]]:
    for reports in reporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "cpu_seconds" and report.when == "call" and not math.isnan(value):
                    yield report.nodeid.split("::")[-1], value


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    measured = sorted(_measured(terminalreporter), key=lambda pair: -pair[1])
    if measured:
        terminalreporter.section(f"CPU seconds of notebook kernels (budget {BUDGET}, not asserted)")
    for name, seconds in measured:
        over = "  over budget" if seconds > BUDGET else ""
        terminalreporter.write_line(f"{seconds:6.1f}  {name}{over}")
