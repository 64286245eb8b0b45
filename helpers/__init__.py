"""The learner's whole vocabulary on one page.

check     runs your answer on probes: passed, wrong with a diagnosis, or not attempted
claim     a statement of the lesson, with its measured value and its bounds
predict   commit to a prediction, then see the answer
explore   a figure that follows sliders
progress  what you have done so far, and what is left
SEED      the seed of this run; COURSE_SEED=n in the environment reruns a lesson with another one

data, nets, plots: bundled data, small networks, standard figures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from helpers.check import check
from helpers.claim import claim
from helpers.environment import SEED, use_one_thread
from helpers.explore import Log, explore
from helpers.predict import predict
from helpers.progress import progress

if TYPE_CHECKING:
    from helpers import data, nets, plots

__all__ = [
    "SEED", "Log", "check", "claim", "data", "explore", "nets", "plots", "predict", "progress",
]  # fmt: skip

use_one_thread()


def __getattr__(name: str) -> Any:
    """Submodules come when they are asked for: `nets` imports torch, which takes a second."""
    if name in {"data", "nets", "plots"}:
        return import_module(f"helpers.{name}")
    raise AttributeError(f"module 'helpers' has no attribute {name!r}; it has {', '.join(__all__)}")
