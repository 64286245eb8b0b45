"""`grade --dask`: the same scores from a Dask cluster, here one of this machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.instructor.batch import connect_to_cluster
from helpers.instructor.course import CourseError
from helpers.instructor.grade import Settings, grade
from helpers.instructor.release import release
from tests import small_lesson
from tests.hostile.lab import Case, hand_in
from tests.small_lesson import NAME, NUMBER


@pytest.fixture
def lesson() -> Iterator[None]:
    with small_lesson.installed():
        yield


@pytest.mark.usefixtures("lesson")
def test_a_cluster_gives_the_same_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from distributed import LocalCluster

    course = release([NUMBER], tmp_path / "course")
    for student, solved in (("full", True), ("empty", False)):
        case = Case(name=student, about="", solved=solved)
        hand_in(case, course.root / "submitted" / student / NAME)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        settings = Settings(seconds=20, dask=cluster.scheduler_address)
        summary = grade(course, NUMBER, settings)
    assert "1 Dask worker at tcp://127.0.0.1:" in capsys.readouterr().out
    assert summary.failed == {}
    scores = {student: result["score"] for student, result in summary.graded.items()}
    assert scores == pytest.approx({"full": 7.0, "empty": 0.0})


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere://x"])
def test_no_cluster_is_said(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.instructor.batch.CONNECT_TIMEOUT", 0.5)
    with pytest.raises(CourseError, match=f"no Dask scheduler answers at {address} "):
        connect_to_cluster(address)


def test_without_dask_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match="pip install distributed"):
        connect_to_cluster("tcp://127.0.0.1:1")
