"""`grade --dask`: the same scores from a Dask cluster, here one of this machine."""

from pathlib import Path

import pytest

from helpers.instructor.grade import Settings, grade
from helpers.instructor.release import release
from tests import small_lesson
from tests.hostile.lab import Case, hand_in
from tests.small_lesson import NAME, NUMBER


def test_a_cluster_gives_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    small_lesson.install(monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    course = release([NUMBER], tmp_path / "course")
    for student, solved in (("full", True), ("empty", False)):
        case = Case(name=student, about="", solved=solved)
        hand_in(case, course.root / "submitted" / student / NAME)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        settings = Settings(seconds=20, dask=cluster.scheduler_address)
        summary = grade(course, NUMBER, settings)
    assert summary.failed == {}
    scores = {student: result["score"] for student, result in summary.graded.items()}
    assert scores == pytest.approx({"full": 7.0, "empty": 0.0})
