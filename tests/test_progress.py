"""Progress: records survive restarts, rivals, damage and read-only disks; tables tell the truth."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import progress as progress_function
from helpers import records
from helpers.progress import Progress, progress
from helpers.records import record, recorded, records_path

progress_module = sys.modules["helpers.progress"]
BANKS = {
    "00": {
        "lesson": "00",
        "title": "Warm-up",
        "exercises": {
            "00.1": {"title": "Standardize", "function": "standardize", "points": 2},
            "00.2": {"title": "Min & <max>", "function": "min_max", "points": 1.5},
        },
    },
    "01": {
        "lesson": "01",
        "title": "Initialization",
        "exercises": {"01.1": {"title": "Init std", "function": "init_std", "points": 3}},
        "written": [{"id": "01.w", "title": "Which condition?", "points": 2}],
    },
}


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh kernel's memory, a progress file of our own, and two lessons."""
    forget(monkeypatch)
    place = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(place))
    for name in ("JPY_SESSION_NAME", "STRICT_CHECKS", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    banks = tmp_path / "checks"
    banks.mkdir()
    for number, bank in BANKS.items():
        (banks / f"{number}.json").write_text(json.dumps(bank), encoding="utf-8")
    monkeypatch.setattr(progress_module, "BANKS", banks)
    return place


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a restart of the kernel does."""
    monkeypatch.setattr(records, "_unsaved", {kind: {} for kind in records.KINDS})
    monkeypatch.setattr(records, "_said", set())


# ---- records


def test_records_survive_a_restart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("exercise", "00.1", "passed")
    record("prediction", "which?", {"choice": "ä", "correct": True})
    forget(monkeypatch)
    assert recorded()["exercise"]["00.1"]["state"] == "passed"
    assert recorded()["prediction"]["which?"] == {"choice": "ä", "correct": True}
    assert json.loads(path.read_text(encoding="utf-8")) == recorded()


def test_the_last_record_of_a_key_counts_and_others_stay() -> None:
    for state in ("not attempted", "wrong", "passed", "wrong"):
        record("exercise", "00.1", state)
    record("exercise", "00.2", {"state": "passed", "probes": 12})
    found = recorded()["exercise"]
    assert found["00.1"] == {"state": "wrong", "ever_passed": True}
    assert found["00.2"] == {"state": "passed", "probes": 12, "ever_passed": True}


states = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(records.STATES)), max_size=8
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=states, saved=st.booleans())
def test_any_history_ends_in_the_last_states(
    history: list[tuple[str, str]], saved: bool, path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        path.unlink(missing_ok=True)
        if not saved:
            patch.delenv("COURSE_PROGRESS")
            patch.setenv("STRICT_CHECKS", "1")
        for key, state in history:
            record("exercise", key, state)
        found = recorded()["exercise"]
        assert {key: entry["state"] for key, entry in found.items()} == dict(history)
        passed = {key for key, state in history if state == "passed"}
        assert {key for key, entry in found.items() if entry["ever_passed"]} == passed


@pytest.mark.parametrize("kind", ["exercises", "", None])
def test_an_unknown_kind_is_an_error(kind: str, path: Path) -> None:
    with pytest.raises(ValueError, match='kind is "exercise" or "prediction"; got'):
        record(kind, "00.1", "passed")
    assert not path.exists()


@pytest.mark.parametrize("value", ["done", {}, {"state": None}])
def test_an_unknown_state_is_an_error(value: str | dict[str, object], path: Path) -> None:
    with pytest.raises(ValueError, match="state is one of passed, wrong, not attempted; got"):
        record("exercise", "00.1", value)
    assert recorded()["exercise"] == {}


def test_what_json_cannot_hold_is_an_error_and_not_remembered() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        record("prediction", "p", {"choice": object()})
    assert recorded()["prediction"] == {}


def test_a_record_is_a_copy() -> None:
    value = {"correct": True, "list": [1]}
    record("prediction", "p", value)
    value["list"] = None
    assert recorded()["prediction"]["p"]["list"] == [1]


@pytest.mark.parametrize(
    ("session", "lesson"),
    [("/home/me/notebooks/01_init.ipynb", "01"), ("C:\\work\\11_capstone.ipynb", "11"),
     ("02_x.ipynb", "02"), ("/01_folder/Untitled.ipynb", None), ("", None)],
)  # fmt: skip
def test_a_prediction_learns_its_lesson_from_the_notebook(
    session: str, lesson: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", session)
    record("prediction", "p", {"correct": True})
    record("prediction", "q", {"correct": True, "lesson": "05"})
    assert recorded()["prediction"]["p"].get("lesson") == lesson
    assert recorded()["prediction"]["q"]["lesson"] == "05"


# ---- where records go


def test_the_environment_names_the_file_and_missing_folders_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "a" / "b.json"))
    record("exercise", "00.1", "passed")
    assert (tmp_path / "a" / "b.json").is_file()


def test_without_a_name_records_go_beside_the_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parent.parent
    for empty in ("delete", ""):
        monkeypatch.setenv("COURSE_PROGRESS", empty)
        if empty:
            monkeypatch.delenv("COURSE_PROGRESS")
        assert records_path() == root / "notebooks" / ".progress.json"


@pytest.mark.parametrize("variable", ["STRICT_CHECKS", "NBGRADER_EXECUTION"])
def test_a_strict_run_does_not_touch_the_learners_file(
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setattr(records, "DEFAULT_PATH", tmp_path / "default.json")
    monkeypatch.setenv(variable, "1")
    record("exercise", "00.1", "passed")
    assert recorded()["exercise"]["00.1"]["state"] == "passed"
    assert not (tmp_path / "default.json").exists()
    assert capsys.readouterr().out == ""


def test_git_ignores_the_default_file_and_everything_beside_it() -> None:
    root = Path(__file__).resolve().parent.parent
    names = [f"notebooks/.progress.json{end}" for end in ("", ".lock", ".new", ".damaged-1")]
    done = subprocess.run(
        ["git", "check-ignore", *names], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == names


def test_a_place_that_cannot_be_written_means_memory_only_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "p.json"))
    record("exercise", "00.1", "passed")
    record("exercise", "00.1", "wrong")
    record("exercise", "00.2", "passed")
    assert recorded()["exercise"]["00.1"] == {"state": "wrong", "ever_passed": True}
    assert progress("00").lessons[0].earned == 1.5
    said = capsys.readouterr().out
    assert said.count("Your progress is not saved (") == 1
    assert "set COURSE_PROGRESS to a file" in said


@pytest.mark.parametrize("error", [PermissionError("read-only disk"), NotImplementedError("locks")])
def test_what_could_not_be_saved_is_saved_later(
    error: Exception,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record("exercise", "00.1", "passed")
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(records, "_write", refuse)
        record("exercise", "00.2", "passed")
    assert path.read_bytes() == before
    assert str(error) in capsys.readouterr().out
    record("exercise", "01.1", "wrong")
    forget(monkeypatch)
    assert set(recorded()["exercise"]) == {"00.1", "00.2", "01.1"}


def test_a_write_that_dies_half_way_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("exercise", "00.1", "passed")
    before = path.read_bytes()

    def die(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", die)
    record("exercise", "00.2", "passed")
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_read_is_not_an_error(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.mkdir()
    assert recorded() == {"exercise": {}, "prediction": {}}
    assert "not saved" in capsys.readouterr().out


def test_a_lock_that_is_never_given_back_does_not_stop_the_lesson(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(records, "LOCK_SECONDS", 0.05)
    with FileLock(path.with_name(path.name + ".lock")):
        record("exercise", "00.1", "passed")
        path.write_text("damaged")
        assert recorded()["exercise"]["00.1"]["state"] == "passed"
    assert path.read_text() == "damaged"
    assert "not saved" in capsys.readouterr().out


# ---- damage


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"exercise": []}', b'{"exercise": {"a": 1}}',
     b'{"exercise": {"a": {"state": "done"}}}', b'{"prediction": {"a": "b"}}', b"[" * 100_000],
    ids=range(10),
)  # fmt: skip
@pytest.mark.parametrize("first", ["read", "write"])
def test_a_damaged_file_is_set_aside_with_a_note(
    content: bytes, first: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(content)
    if first == "read":
        assert recorded() == {"exercise": {}, "prediction": {}}
    record("exercise", "00.1", "passed")
    aside = path.with_name("progress.json.damaged-1")
    assert aside.read_bytes() == content
    assert recorded()["exercise"]["00.1"]["state"] == "passed"
    said = capsys.readouterr().out
    assert said.count("Your progress file was damaged (") == 1
    assert str(aside) in said


def test_earlier_damaged_files_are_kept(path: Path) -> None:
    for content in ("one", "two"):
        path.write_text(content)
        recorded()
    kept = [path.with_name(f"progress.json.damaged-{n}").read_text() for n in (1, 2)]
    assert kept == ["one", "two"]


def test_a_file_that_was_mended_meanwhile_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kernel sets it aside and writes anew between our look and our lock."""
    path.write_text("damaged")
    load = records._load_under_lock

    def rival_first(where: Path) -> records.Records:
        where.write_text('{"exercise": {"00.1": {"state": "passed"}}}')
        return load(where)

    monkeypatch.setattr(records, "_load_under_lock", rival_first)
    assert recorded()["exercise"]["00.1"]["state"] == "passed"
    assert not path.with_name("progress.json.damaged-1").exists()


# ---- two kernels


WRITER = """
import sys
from helpers.records import record
for i in range(25):
    record("exercise", f"{sys.argv[1]}.{i}", "passed")
    record("prediction", "shared", {"by": sys.argv[1]})
"""


def test_two_kernels_do_not_lose_each_others_records(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in ("00", "01", "02")
    ]
    outputs = [writer.communicate(timeout=60) for writer in writers]
    assert outputs == [(b"", b"")] * 3
    found = recorded()
    assert len(found["exercise"]) == 75
    assert found["prediction"]["shared"]["by"] in {"00", "01", "02"}


def test_a_kernel_sees_what_another_wrote_after_it_started(path: Path) -> None:
    record("exercise", "00.1", "wrong")
    rival = {"exercise": {"00.1": {"state": "passed"}, "01.1": {"state": "passed"}}}
    path.write_text(json.dumps(rival))
    record("exercise", "00.2", "passed")
    assert {key: entry["state"] for key, entry in recorded()["exercise"].items()} == {
        "00.1": "passed",
        "00.2": "passed",
        "01.1": "passed",
    }


# ---- the table


def test_the_function_is_what_helpers_exports() -> None:
    assert progress_function is progress


def test_nothing_done_yet() -> None:
    table = progress()
    assert [lesson.points for lesson in table.lessons] == [3.5, 3]
    assert [lesson.earned for lesson in table.lessons] == [0, 0]
    assert table.rows() == [
        ["Lesson", "Exercises", "Points", "Predictions", "Next"],
        ["00 Warm-up", "○○", "0 of 3.5", "none yet", "00.1 Standardize"],
        ["01 Initialization", "○", "0 of 3", "none yet", "01.1 Init std"],
        ["All", "0 of 3", "0 of 6.5", "0 made", ""],
    ]


def test_all_lessons_with_some_work_done() -> None:
    record("exercise", "00.1", "wrong")
    record("exercise", "00.2", "passed")
    record("exercise", "01.1", "passed")
    record("exercise", "99.9", "passed")  # of a lesson that is gone: not counted
    record("prediction", "a", {"correct": True, "lesson": "00"})
    record("prediction", "00: b", {"correct": False})
    record("prediction", "?", {"correct": True})
    assert progress().rows()[1:] == [
        ["00 Warm-up", "✗✓", "1.5 of 3.5", "2 made, 1 right", "00.1 Standardize"],
        ["01 Initialization", "✓", "3 of 3", "none yet", "done"],
        ["All", "2 of 3", "4.5 of 6.5", "3 made", ""],
    ]


def test_one_lesson_by_exercise() -> None:
    record("exercise", "00.1", "passed")
    record("exercise", "00.1", "wrong")
    record("prediction", "a", {"correct": True, "lesson": "00"})
    record("prediction", "b", {"correct": True, "lesson": "01"})
    assert progress("00").rows() == [
        ["Lesson 00", "Warm-up", "State", "Points"],
        ["00.1", "Standardize", "✗ wrong (passed before)", "0 of 2"],
        ["00.2", "Min & <max>", "○ not attempted", "0 of 1.5"],
        ["All", "predictions: 1 made, 1 right", "", "0 of 3.5"],
    ]


def test_written_answers_are_listed_and_left_to_the_instructor() -> None:
    assert progress("01").rows()[2] == [
        "01.w",
        "Which condition?",
        "an instructor reads it",
        "2, by hand",
    ]
    assert progress("01").lessons[0].points == 3


def test_passed_again_after_a_failure_is_passed() -> None:
    for state in ("passed", "not attempted", "passed"):
        record("exercise", "01.1", state)
    assert progress("01").rows()[1] == ["01.1", "Init std", "✓ passed", "3 of 3"]


@pytest.mark.parametrize("lesson", ["99", "1", "", "00_warm_up"])
def test_an_unknown_lesson_is_told_the_known_ones(lesson: str) -> None:
    with pytest.raises(ValueError, match=r"one of: 00, 01; got '"):
        progress(lesson)


def test_no_lessons_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "BANKS", tmp_path / "none")
    assert repr(progress()) == "There are no lessons here yet."
    assert progress()._repr_html_() == "<p>There are no lessons here yet.</p>"
    with pytest.raises(ValueError, match="one of: none yet; got '00'"):
        progress("00")


def test_a_damaged_bank_is_named(tmp_path: Path) -> None:
    (tmp_path / "checks" / "01.json").write_text("{")
    with pytest.raises(RuntimeError, match=r"01\.json is damaged .*git checkout -- helpers/checks"):
        progress()


def test_text_is_aligned_and_explains_its_marks() -> None:
    record("exercise", "00.1", "passed")
    lines = repr(progress()).splitlines()
    assert lines[0].index("Points") == lines[2].index("2 of 3.5") == lines[4].index("2 of 6.5")
    assert lines[-1] == "✓ passed, ✗ wrong, ○ not attempted"
    assert all(line == line.rstrip() for line in lines)


class Cells(HTMLParser):
    """The texts of table cells, and every tag with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.styles: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.styles += [value or "" for name, value in attrs if name == "style"]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if "tr" in self.open:
            self.rows[-1][-1] += text


@pytest.mark.parametrize("lesson", [None, "00", "01"])
def test_html_says_the_same_as_the_text(lesson: str | None) -> None:
    record("exercise", "00.2", "wrong")
    record("exercise", "01.1", "passed")
    table = progress(lesson)
    cells = Cells(table._repr_html_())
    assert cells.rows == table.rows()
    assert cells.open == []


def test_html_follows_the_theme_and_works_without_one() -> None:
    styles = ";".join(Cells(progress()._repr_html_()).styles)
    assert "var(--jp-ui-font-color1, inherit)" in styles
    assert "background" not in styles
    assert styles.count("var(") == styles.count("var(--jp-")
    assert styles.count("var(") == sum(
        styles.count(fallback) for fallback in ("color1, inherit)", "color1, #888)")
    )


def test_the_real_banks_make_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parent.parent
    monkeypatch.setattr(progress_module, "BANKS", root / "helpers" / "checks")
    table = progress()
    assert isinstance(table, Progress)
    assert all(lesson.points > 0 for lesson in table.lessons)
    assert len(Cells(table._repr_html_()).rows) == (len(table.lessons) + 2 if table.lessons else 0)
