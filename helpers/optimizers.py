"""torch's optimizers without the hooks of torch.compile.

The first optimizer of a process makes torch import its compiler, and every `zero_grad` and `step`
passes through it. Nothing here is compiled: the subclasses below have the methods that torch wraps
in these hooks, so that their arithmetic is torch's own. A lesson starts a second or two sooner.
"""

import inspect
from typing import TypeVar

import torch
from torch.optim import Optimizer

Kind = TypeVar("Kind", bound=Optimizer)


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """A subclass of a torch optimizer, of the same name, that imports no compiler.

    Where torch has no such hooks, the methods are the same as before.
    """
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad")}
    step = torch.no_grad()(inspect.unwrap(kind.step))  # the hook around it switches gradients off
    return type(kind.__name__, (kind,), {**plain, "step": step, "__module__": __name__})


SGD = without_compiler(torch.optim.SGD)
Adam = without_compiler(torch.optim.Adam)
AdamW = without_compiler(torch.optim.AdamW)
Adagrad = without_compiler(torch.optim.Adagrad)
RMSprop = without_compiler(torch.optim.RMSprop)
