"""The lab book of the capstone: every run with its settings, curves, seeds and time, on disk.

A file of one line a run that only grows: nothing is overwritten, and a restarted kernel reads all
of it. A run that is in the book already is not trained again; it is a function of its recipe.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from helpers import capstone, data
from helpers.recipe import FAMILIES, changed, complete, describe, treated
from helpers.records import LOCK_SECONDS, records_path
from helpers.tables import Table

VERSION = 1  # of the trainer's results; a higher one trains again
FILE = ".labbook.jsonl"
BASELINE, WHOLE, DIVERGED = "sick baseline", "whole recipe", "diverged"
_ABLATION = ("family", "accuracy", "alone, against the sick baseline",
             "left out, against the whole", "runs")  # fmt: skip
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Entry:
    """One run. `recipe` holds what differs from the sick baseline; curves are (16, S) as lists.

    `confusion` counts validation images by true class (row) and class given, over all seeds.
    """

    number: int
    name: str
    recipe: dict[str, Any]
    seeds: list[int]
    score: list[float]
    curves: dict[str, list[list[float]]]
    confusion: list[list[int]]
    seconds: float
    when: str
    key: str

    @property
    def scores(self) -> NDArray[np.float64]:
        """Validation accuracy of each seed, (S,)."""
        return np.array(self.score)

    @property
    def mean(self) -> float:
        """Mean validation accuracy over the seeds."""
        return float(self.scores.mean())

    @property
    def std(self) -> float:
        """Its standard deviation from seed to seed; NaN for one seed."""
        return float(self.scores.std(ddof=1)) if len(self.score) > 1 else float("nan")

    def curve(self, name: str) -> NDArray[np.float64]:
        """A curve, (16, S): "train_loss", "train_accuracy", "val_loss" or "val_accuracy"."""
        return np.array(self.curves[name])

    def __repr__(self) -> str:
        spread = f" ± {self.std:.3f}" if len(self.score) > 1 else ""
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return (
            f"run {self.number}, {self.name}: validation accuracy {self.mean:.3f}{spread} "
            f"({seeds}, {self.seconds:.1f} s)"
        )


class LabBook:
    """The runs in a file; without a path: $COURSE_LABBOOK, else beside your progress.

    When the file cannot be written, this says so once and keeps the runs in memory; they are saved
    with the next run that can be.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self.entries: list[Entry] = []
        self._unsaved: list[Entry] = []
        self._said: set[str] = set()
        self._read()

    def run(
        self,
        name: str,
        recipe: Mapping[str, Any],
        *,
        seeds: Sequence[int] = (0,),
        bar: bool = True,
    ) -> Entry:
        """Trains by a recipe and writes it down; a run that is in the book is only looked up.

        It keeps its first name then, and this is said. Raises RecipeError for what is no recipe,
        Diverged when the loss is not finite: such a run has no result and is not in the book.
        """
        found = self._look_up(recipe, seeds)
        if found:
            if found.name != name:
                print(f"{name!r} is in the book already: run {found.number}, {found.name!r}.")
            return found
        return self._train(name, recipe, seeds, bar)

    def _look_up(self, recipe: Mapping[str, Any], seeds: Sequence[int]) -> Entry | None:
        key = make_key(recipe, seeds)
        return next((entry for entry in self.entries if entry.key == key), None)

    def _train(
        self, name: str, recipe: Mapping[str, Any], seeds: Sequence[int], bar: bool
    ) -> Entry:
        result = capstone.train(recipe, seeds=seeds, bar=bar)
        for remark in result.remarks:
            print(f"{name}: {remark}")
        return self._add(_write_down(name, result, make_key(recipe, seeds)))

    def find(self, number: int) -> Entry:
        """The run of a number. Raises ValueError when the book has none."""
        for entry in self.entries:
            if entry.number == number:
                return entry
        raise ValueError(f"the book has {len(self.entries)} runs; there is no run {number!r}")

    def table(self) -> Table:
        """All runs in the order in which they were made."""
        header = ("run", "name", "changed", "families", "validation", "training", "seeds", "time")
        rows = [_row(entry) for entry in self.entries]
        note = "Accuracies: mean ± std over seeds. Training labels are noisy: 20 % are wrong."
        return Table(header, rows, note if rows else "The lab book is empty.")

    def ablation(
        self, recipe: Mapping[str, Any], *, seeds: Sequence[int] = (0,), bar: bool = True
    ) -> Table:
        """What each treated family gives alone, and what is lost without it.

        Runs that are missing are made; differences are of the same seeds. A part whose training
        blows up is a finding, too: "diverged". Raises ValueError when the recipe treats no family,
        Diverged when the whole recipe has no result.
        """
        families = treated(recipe)
        if not families:
            raise ValueError("the recipe is the sick baseline: there is nothing to ablate")
        runs = self._run_parts(recipe, seeds, bar)
        baseline, whole = runs[BASELINE], runs[WHOLE]
        rows: list[tuple[str, ...]] = [(BASELINE, _accuracy(baseline), "", "", _numbers(baseline))]
        for family in families:
            alone, rest = runs[f"only {family}"], runs[f"without {family}"]
            told = _against(alone, baseline), _against(rest, whole), _numbers(alone, rest)
            rows.append((family, "", *told))
        rows.append((WHOLE, _accuracy(whole), _against(whole, baseline), "", _numbers(whole)))
        return Table(_ABLATION, rows, f"Validation accuracy, mean ± std over {len(seeds)} seeds.")

    def _run_parts(
        self, recipe: Mapping[str, Any], seeds: Sequence[int], bar: bool
    ) -> dict[str, Entry | None]:
        """Each part of an ablation, named after the whole recipe's run; None for one that diverged.

        Raises Diverged where the whole recipe does.
        """
        wanted = plan_ablation(recipe)
        runs: dict[str, Entry | None] = {}
        whole = 0
        made = sum(entry.name.startswith(WHOLE) for entry in self.entries)
        for part, settings in tqdm(wanted.items(), "ablation", file=sys.stdout, disable=not bar):
            name = _name_part(part, made, whole)
            try:
                found = self._look_up(settings, seeds) or self._train(name, settings, seeds, False)
            except capstone.Diverged as error:
                if part == WHOLE:
                    raise
                self._say(name, f"{name} diverged: {error}")
                runs[part] = None
                continue
            runs[part] = found
            whole = found.number if part == WHOLE else whole
        return runs

    def _add(self, entry: Entry) -> Entry:
        """Numbers a run and keeps it; it is saved after those that could not be saved before."""
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(f"{self.path}.lock", timeout=LOCK_SECONDS):
                    self._read()  # another notebook may have written
                    entry = _numbered(entry, self.entries)
                    _append(self.path, [*self._unsaved, entry])
                self._unsaved.clear()
            except (OSError, NotImplementedError) as error:
                told = f"Your lab book is not saved ({error}). It is kept while this kernel runs, "
                self._say("unsaved", told + "and saved with the next run that can be.")
                self._unsaved.append(_numbered(entry, self.entries))
        entry = _numbered(entry, self.entries)
        self.entries.append(entry)
        return entry

    def _read(self) -> None:
        """Takes in what is in the file and not yet here; lines that cannot be read are named."""
        known = {entry.key for entry in self.entries}
        try:
            lines = self.path.read_bytes().splitlines() if self.path else []
        except FileNotFoundError:
            return
        except OSError as error:
            self._say("unread", f"Your lab book cannot be read ({error}).")
            return
        for index, line in enumerate(lines, 1):
            try:
                entry = _parse(line)
            except (ValueError, TypeError, LookupError):
                self._say(f"line {index}", f"Line {index} of {self.path} is no run; left out.")
                continue
            if entry.key not in known:
                known.add(entry.key)
                self.entries.append(entry)

    def _say(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            print(text)


def default_path() -> Path | None:
    """Where the book goes; None means memory only (as in strict runs)."""
    if named := os.environ.get("COURSE_LABBOOK"):
        return Path(named).expanduser()
    records = records_path()
    return None if records is None else records.with_name(FILE)


def make_key(recipe: Mapping[str, Any], seeds: Sequence[int]) -> str:
    """The same for the same recipe, seeds and data, and only then. Raises RecipeError."""
    checksum = data.read_sums()["hard_digits.npz"]
    parts = [VERSION, checksum, complete(recipe), [int(seed) for seed in seeds]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan_ablation(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The recipes that an ablation compares: nothing, all, each family alone, each left out."""
    own = changed(recipe)
    plan: dict[str, dict[str, Any]] = {BASELINE: {}, WHOLE: own}
    for family in treated(recipe):
        names = FAMILIES[family]
        plan[f"only {family}"] = {k: v for k, v in own.items() if k in names}
        plan[f"without {family}"] = {k: v for k, v in own.items() if k not in names}
    for part in plan.values():
        complete(part)  # no part leans on a setting of another family
    return plan


def _name_part(part: str, made: int, whole: int) -> str:
    """How the book calls a run of an ablation, after `made` others of whole recipes.

    `whole` is the number of the whole recipe's run.
    """
    if part == WHOLE:
        return f"{part} {made + 1}" if made else part
    return part if part == BASELINE else f"run {whole}, {part}"


def _write_down(name: str, result: capstone.Run, key: str) -> Entry:
    labels = capstone.load_data().y_val.numpy()
    counts = np.bincount((10 * labels + result.guesses).ravel(), minlength=100).reshape(10, 10)
    return Entry(
        number=0,
        name=name,
        recipe=changed(result.settings),
        seeds=[int(seed) for seed in result.seeds],
        score=result.score.tolist(),
        curves={c: np.round(getattr(result, c), 5).tolist() for c in CURVES},
        confusion=counts.tolist(),
        seconds=round(result.seconds, 2),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        key=key,
    )


def _numbered(entry: Entry, others: Sequence[Entry]) -> Entry:
    number = 1 + max((other.number for other in others), default=0)
    return Entry(**asdict(entry) | {"number": number})


def _parse(line: bytes) -> Entry:
    """The run of a line. Raises ValueError, TypeError or LookupError for what is none."""
    entry = Entry(**json.loads(line))
    complete(entry.recipe)
    _numbered(entry, [entry])
    _row(entry)  # it can be shown in a table
    return entry


def _append(path: Path, entries: Sequence[Entry]) -> None:
    """A line each at the end; after a line that was cut off, a new one begins."""
    whole = not path.exists() or path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
    lines = "".join(json.dumps(asdict(entry)) + "\n" for entry in entries)
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if whole else "\n") + lines)


def _row(entry: Entry) -> tuple[str, ...]:
    letters = "".join(family[0].upper() for family in treated(entry.recipe)) or "–"
    training = entry.curve("train_accuracy")[-1].mean()
    seeds = ", ".join(map(str, entry.seeds))
    return (
        str(entry.number), entry.name, describe(entry.recipe), letters, _spread(entry.scores),
        f"{training:.3f}", seeds, f"{entry.seconds:.1f} s",
    )  # fmt: skip


def _spread(values: NDArray[np.float64]) -> str:
    std = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
    return f"{values.mean():.3f}{std}"


def _accuracy(run: Entry | None) -> str:
    return DIVERGED if run is None else _spread(run.scores)


def _against(run: Entry | None, other: Entry | None) -> str:
    """What a run gains over another one, of the same seeds."""
    if run is None or other is None:
        return DIVERGED
    sign = "+" if (run.scores - other.scores).mean() >= 0 else ""
    return sign + _spread(run.scores - other.scores)


def _numbers(*runs: Entry | None) -> str:
    return ", ".join("–" if run is None else str(run.number) for run in runs)
