# %% [markdown]
# # 03 Weight decay and L2: when they are the same
#
# Many texts use "weight decay" and "L2 penalty" as two names for one thing. Sometimes they
# are. Where they are not, a λ that was good in a paper does something else in your code.
#
# *85 minutes. Builds on lesson 00 (gradient descent), lesson 01 (SGD) and lesson 02 (penalties).*
#
# After this lesson you will be able to
# - write SGD, momentum and Adam with weight decay so that they do what PyTorch's do;
# - convert a λ between books and libraries, and *measure* which convention a library uses;
# - say when an L2 penalty and weight decay are the same, and what Adam does to a penalty;
# - predict at which λ training diverges;
# - choose what decays, and know when decay helps at all.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import sys

import numpy as np
import torch
from matplotlib import pyplot as plt
from tqdm import tqdm

from helpers import SEED, check, claim, data, decay, decay_sweep, nets, plots, predict, progress
from helpers.plots.decay import explore_stability, explore_ways
from helpers.plots.decay_runs import draw_choices, explore_noise, explore_sweep

# %% [markdown]
# ## 1 Two stories about one number · 10 minutes
#
# *The L2 story:* add $\frac{\lambda}{2}\lVert w\rVert^2$ to the loss. Large weights cost.
#
# *The weight-decay story:* leave the loss alone. In every step, make each weight a little smaller:
# multiply it by $1-\eta\lambda$, where $\eta$ is the learning rate.
#
# When are they one story?

# %%
predict(
    "Two networks train for 200 steps of plain SGD in float64, from the same start on the same "
    "batches. One has (λ/2)‖w‖² in its loss, the other SGD(weight_decay=λ). "
    "How far apart are their weights at the end, at most?",
    ["exactly 0", "about 1e-15", "about 1e-8", "about 1e-2"],
    answer=1,
    because="Both do the same sums, in another order. Float64 rounds each sum at about 1e-16, "
    "so the weights agree to the last digits and no further.",
)

# %% [markdown]
# The gradient of the penalty is $\lambda w$: the 2 of the square cancels the ½. One SGD step on the
# penalized loss is
#
# $$w \leftarrow w - \eta\,(\nabla L + \lambda w) = (1-\eta\lambda)\,w - \eta\,\nabla L .$$
#
# The left form is the L2 story, the right form is the weight-decay story. For plain SGD they are
# one formula. Now the same with networks.

# %%
seeds = range(100 * SEED, 100 * SEED + 3)
split = data.splits(seeds, n_train=500)
x, y = nets.tensors(split.x_train, split.y_train)


def train_sgd(*, weight_decay=0.0, penalty=0.0, momentum=0.0, lr=0.1, steps=200):
    """All parameters after training, with penalty·‖w‖² in the loss."""
    model = nets.MLPs((64, 32, 10), seeds=seeds).double()
    nets.train(
        model, x.double(), y, steps=steps, generator=torch.Generator().manual_seed(SEED),
        optimizer=nets.make_optimizer(
            model.parameters(), "sgd", lr=lr, momentum=momentum, weight_decay=weight_decay
        ),
        penalty=lambda: penalty * sum(p.square().sum((1, 2)) for p in model.parameters()),
    )  # fmt: skip
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# %%
lam = 0.01
decayed = train_sgd(weight_decay=lam)
half = (decayed - train_sgd(penalty=lam / 2)).abs().max()
full = (decayed - train_sgd(penalty=lam)).abs().max()
claim("SGD: weight_decay=λ and (λ/2)‖w‖², largest difference", half, high=1e-13)
claim("SGD: weight_decay=λ and λ‖w‖², largest difference", full, low=1e-3)

# %% [markdown]
# The first difference is rounding. The second is not: a forgotten ½ is another training run.
#
# ### Exercise 03.1 · `sgd_step` · 1 point
# One step of SGD with weight decay. `w` and `grad` (the gradient of the loss without penalty) are
# arrays of one shape, `lr` is η, `weight_decay` is λ of $(\lambda/2)\lVert w\rVert^2$. Return the
# new weights; leave the inputs as they are.
#
# <details><summary>Hint 1</summary>
#
# What is the derivative of $\frac{\lambda}{2}w^2$?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Both gradients are taken at the old `w`, and both are multiplied by `lr`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Add the two gradients first. Then one step of plain SGD, against their sum.
#
# </details>


# %% exercise="03.1"
def sgd_step(w, grad, lr, weight_decay):
    """The weights after one step of SGD with weight decay.

    w, grad: arrays of one shape; lr > 0; weight_decay >= 0. Returns an array of that shape.
    """
    ### BEGIN SOLUTION
    return w - lr * (grad + weight_decay * w)
    ### END SOLUTION


# %% check="03.1"
check("03.1", sgd_step)

# %% [markdown]
# ## 2 One λ, many conventions · 15 minutes
#
# Let the loss be the *mean* over $N$ examples, as in PyTorch. These penalties are all called L2:
#
# | name here | added to the mean loss | where you meet it |
# |---|---|---|
# | `"lambda"` | $\lambda\lVert w\rVert^2$ | Keras's `l2(λ)`, many blog posts |
# | `"lambda/2"` | $\frac{\lambda}{2}\lVert w\rVert^2$ | derivations; `SGDClassifier` |
# | `"lambda/N"` | $\frac{\lambda}{N}\lVert w\rVert^2$ | sum of losses + $\lambda\lVert w\rVert^2$ |
# | `"lambda/2N"` | $\frac{\lambda}{2N}\lVert w\rVert^2$ | older textbooks and courses |
# | `"C"` | $\frac{1}{2CN}\lVert w\rVert^2$ | scikit-learn's `LogisticRegression`, SVMs |
# | `"weight_decay"` | nothing: $\lambda w$ is added to the gradient | `torch.optim` |
#
# $N$ is the size of the training set, not of the batch.

# %%
predict(
    "A blog post trains with 0.01·‖w‖² in the loss. Which weight_decay gives the same in SGD?",
    ["0.005", "0.01", "0.02", "it depends on N"],
    answer=2,
    because="The gradient of 0.01·‖w‖² is 0.02·w. weight_decay is the number in front of w.",
)

# %% [markdown]
# Two penalties are the same when their gradients are. So there is one safe way to convert:
# **what stands in front of $w$ in the gradient?** Autograd can say it. The cell asks for each
# convention with the value 0.5 and $N = 200$.

# %%
penalties = {
    "lambda": lambda w, value, n: value * w**2,
    "lambda/2": lambda w, value, n: value / 2 * w**2,
    "lambda/N": lambda w, value, n: value / n * w**2,
    "lambda/2N": lambda w, value, n: value / (2 * n) * w**2,
    "C": lambda w, value, n: 1 / (2 * value * n) * w**2,
}
one = torch.ones((), dtype=torch.float64, requires_grad=True)
front = {}
for name, penalty in penalties.items():
    front[name] = torch.autograd.grad(penalty(one, 0.5, 200), one)[0].item()
    print(f"{name:10}  0.5 acts like weight_decay = {front[name]:.6g}")
claim(
    "λ‖w‖² against (λ/2N)‖w‖² at N = 200", front["lambda"] / front["lambda/2N"], low=400, high=400
)

# %% [markdown]
# The same "λ = 0.5" differs by a factor of 400. A strength without its formula says nothing.
#
# ### Exercise 03.2 · `convert_lambda` · 2 points
# Given `value` in the convention `source`, return the value in the convention `target` that gives
# the same training. The names are the six of the table; `n` is $N$. `weight_decay` is the number
# in front of $w$ in the gradient.
#
# <details><summary>Hint 1</summary>
#
# Go through `weight_decay`: first from `source` to it, then from it to `target`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For five of the six, the number in front of $w$ is `value` times a factor: 2, 1, 2/N, 1/N or 1.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `C` is the exception: write down the number in front of $w$ for it, and solve that for $C$.
#
# </details>


# %% exercise="03.2"
def convert_lambda(value, source, target, n):
    """A strength in another convention.

    value > 0; source, target: "lambda", "lambda/2", "lambda/N", "lambda/2N", "C" or
    "weight_decay"; n: number of training examples. Returns a float.
    """
    ### BEGIN SOLUTION
    front = {"lambda": 2, "lambda/2": 1, "lambda/N": 2 / n, "lambda/2N": 1 / n, "weight_decay": 1}
    weight_decay = 1 / (value * n) if source == "C" else value * front[source]
    return 1 / (weight_decay * n) if target == "C" else weight_decay / front[target]
    ### END SOLUTION


# %% check="03.2"
check("03.2", convert_lambda)

# %% [markdown]
# ### Measure a convention
#
# Documentation can be vague. A fitted model is not: at the optimum of *mean loss + penalty* the two
# gradients cancel, $\nabla L(w) = -\lambda w$. So
#
# $$\lambda = -\frac{\nabla L(w)\cdot w}{w\cdot w}$$
#
# tells the `weight_decay` that a library really used, whatever its documentation calls it.

# %%
from sklearn.linear_model import LogisticRegression, Ridge

images, labels = split.x_train[0], split.y_train[0]
n, C, alpha = len(labels), 0.2, 3.0
fit = LogisticRegression(C=C, fit_intercept=False, tol=1e-8, max_iter=2000).fit(images, labels)
w = torch.tensor(fit.coef_, requires_grad=True)  # (10, 64)
loss = torch.nn.functional.cross_entropy(torch.tensor(images) @ w.T, torch.tensor(labels))
(slope,) = torch.autograd.grad(loss, w)
measured = -(slope * w).sum() / (w * w).sum()
claim("LogisticRegression(C): measured λ times C·N", measured * C * n, low=0.999, high=1.001)

line = Ridge(alpha=alpha, fit_intercept=False).fit(images, labels)
slope = images.T @ (images @ line.coef_ - labels) / n  # of the mean of ½(error)²
measured = -(slope @ line.coef_) / (line.coef_ @ line.coef_)
claim("Ridge(alpha): measured λ times N / alpha", measured * n / alpha, low=0.999, high=1.001)

# %% [markdown]
# Note the trap in `Ridge`: its loss is a *sum* of squared errors without ½. Measured against the
# mean of ½(error)², `alpha` is divided by $N$: with more data the same `alpha` means less decay.
#
# ## 3 Momentum: the decay goes into the buffer · 10 minutes
#
# PyTorch's SGD with momentum μ keeps a buffer $b$:
#
# $$b \leftarrow \mu\,b + (\nabla L + \lambda w), \qquad w \leftarrow w - \eta\,b .$$
#
# The penalty's gradient enters *before* the buffer. This is called **coupled**. The decay of one
# step is felt in all later steps: it acts $1+\mu+\mu^2+\dots = 1/(1-\mu)$ times.

# %%
predict(
    "Momentum 0.9. Instead of weight_decay=λ you multiply every weight by 1 − ηλ before each step. "
    "What do you get?",
    ["the same weights", "a decay that is about ten times weaker", "a decay ten times stronger"],
    answer=1,
    because="The multiplication acts once. In PyTorch's buffer the same λw acts 1/(1 − 0.9) = 10 "
    "times, spread over the following steps.",
)

# %%
coupled = train_sgd(weight_decay=lam, momentum=0.9)
in_loss = train_sgd(penalty=lam / 2, momentum=0.9)
claim("momentum: weight_decay=λ and (λ/2)‖w‖²", (coupled - in_loss).abs().max(), high=1e-12)
slow = decay.growth_per_step(1e-4, 0.9)
claim("shrink per step with momentum 0.9, over ηλ = 0.0001", (1 - slow) / 1e-4, low=9.9, high=10.3)

# %% [markdown]
# So "weight decay multiplies the weights by $1-\eta\lambda$" is wrong for SGD with momentum. The
# penalty and `weight_decay` are still the same; the *multiplication* is another thing.
#
# ### Exercise 03.3 · `momentum_step` · 1 point
# One step of PyTorch's `SGD(lr, momentum, weight_decay)` with the two formulas above, without the
# variants *dampening* (only a part of a new gradient enters the buffer) and *Nesterov* (a step that
# looks ahead). `buffer` is
# $b$ before the step (zeros before the first). Return a tuple: the new weights, the new buffer.
# Both formulas hold for a momentum of 0, too: the new buffer is then the gradient with its decay.
#
# <details><summary>Hint 1</summary>
#
# The first formula of this section is the new buffer, the second moves the weights.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The decay is part of the gradient before the buffer sees it.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `lr` appears only once, in the last line.
#
# </details>


# %% exercise="03.3"
def momentum_step(w, grad, buffer, lr, momentum, weight_decay):
    """One step of SGD with momentum and coupled decay, as in PyTorch: (new w, new buffer).

    w, grad, buffer: arrays of one shape; lr > 0; momentum in [0, 1); weight_decay >= 0.
    """
    ### BEGIN SOLUTION
    new_buffer = momentum * buffer + grad + weight_decay * w
    return w - lr * new_buffer, new_buffer
    ### END SOLUTION


# %% check="03.3"
check("03.3", momentum_step)

# %% [markdown]
# ### Explore: three ways, four optimizers
#
# Three runs on the digits: λ as a penalty in the loss, as `weight_decay`, and as a multiplication
# by $1-\eta\lambda$. On the left the runs lie on top of each other, or not. On the right: how far
# they are from the first one. The log axis shows what eyes cannot: rounding, or a real difference.
#
# Try SGD, then momentum. Then go to Adam and AdamW: in which of them does the orange line leave
# the gray floor?

# %%
explore_ways()

# %%
runs = {name: decay.three_ways(name, lr=0.01, weight_decay=0.01, seed=SEED)
        for name in decay.OPTIMIZERS}  # fmt: skip
gaps = {name: run.gaps.max(0) for name, run in runs.items()}
same = [gaps["SGD"][0], gaps["SGD"][1], gaps["SGD, momentum 0.9"][0], gaps["Adam"][0]]
apart = [gaps["SGD, momentum 0.9"][1], gaps["Adam"][1], *gaps["AdamW"]]
claim("the penalty's run equals: SGD both ways, momentum's and Adam's argument", same, high=1e-12)
claim("and differs from: momentum's and Adam's multiplication, AdamW both ways", apart, low=1e-2)
by_both = [runs[name].between.max() for name in ("SGD", "AdamW")]
claim("SGD, AdamW: argument and multiplication, largest difference", by_both, high=1e-12)

# %% [markdown]
# | optimizer | `weight_decay=λ` is the penalty | … is multiplying by $1-\eta\lambda$ |
# |---|---|---|
# | SGD | yes | yes |
# | SGD, momentum | yes | no |
# | Adam | yes | no |
# | AdamW | **no** | **yes** |
#
# Only plain SGD lets you use the words as you like.
#
# ## 4 How large may λ be? · 10 minutes
#
# Take a weight whose loss gradient is zero. Only the decay acts: $w \leftarrow (1-\eta\lambda)\,w$.

# %%
predict(
    "No gradient, no momentum, ηλ = 1.9. What does the weight do?",
    ["it shrinks to zero smoothly", "it flips its sign each step and shrinks",
     "it flips its sign each step and grows", "it jumps to zero in one step"],
    answer=1,
    because="The factor is 1 − 1.9 = −0.9: the sign flips, the size shrinks by 10 % per step. At "
    "ηλ = 1 it would jump to zero, beyond 2 it would grow.",
)  # fmt: skip

# %%
paths = {p: decay.pure_decay(p, momentum=0.0, steps=50)[-1] for p in (1.9, 2.0, 2.1)}
claim("ηλ = 1.9: |w| after 50 steps", abs(paths[1.9]), low=0.9**50 * 0.999, high=0.9**50 * 1.001)
claim("ηλ = 2.0: |w| after 50 steps", abs(paths[2.0]), low=1, high=1)
claim("ηλ = 2.1: |w| after 50 steps", abs(paths[2.1]), low=100, high=130)

# %% [markdown]
# ### Explore: swing and divergence
#
# Section 3: momentum 0.9 makes the decay of a slowly moving weight ten times stronger. Does the
# limit of ηλ shrink with it? Follow the white line before you calculate.
#
# The left side follows one weight without gradient under `torch.optim.SGD`. The right side maps the
# factor by which $|w|$ grows per step *in the long run*; right of the white line it is above 1.
# Left of it, momentum can still make the weight swing up at first: go to μ = 0.9, ηλ = 3.7.

# %%
explore_stability()

# %%
swing = np.abs(decay.pure_decay(3.7, momentum=0.9)).max()
claim("μ = 0.9, ηλ = 3.7: largest |w| on the way", swing, low=4.8, high=5.0)

# %% [markdown]
# The limit does not shrink: momentum *widens* the stable range. At the limit the weight flips its
# sign in every step, so each step goes against the last one. Momentum repeats a part of the last
# step and so brakes the flip. The ten times stronger pull belongs to weights that move slowly in
# one direction.
#
# Now calculate it. With momentum, $b$ can be eliminated. Without a gradient one step is
# (Polyak 1964)
#
# $$w_{t+1} = w_t + \mu\,(w_t - w_{t-1}) - \eta\lambda\,w_t .$$
#
# Try $w_t = z^t$: it is a solution when $z^2 - (1+\mu-\eta\lambda)\,z + \mu = 0$. It is stable
# while both roots have $|z| \le 1$.
#
# ### Exercise 03.4 · `largest_stable_decay` · 1 point
# Return the largest `weight_decay` at which a weight without gradient does not grow without bound,
# under SGD with learning rate `lr` and momentum `momentum` (the boundary itself). It may swing up
# for some steps, as it does at ηλ = 3.7; what counts is the long run.
#
# <details><summary>Hint 1</summary>
#
# At the limit the weight keeps its size in the long run (with momentum it first swings up to it).
# It flips its sign in every step. Which number $z$ turns 1 into −1 and −1 into 1?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Put that $z$ into the quadratic equation. It becomes linear in ηλ.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Solve for ηλ, then for λ. For `momentum=0` it must give 2/η; in the map it must follow the line.
#
# </details>


# %% exercise="03.4"
def largest_stable_decay(lr, momentum):
    """The weight_decay at the limit of stability. lr > 0, momentum in [0, 1). Returns a float."""
    ### BEGIN SOLUTION
    return 2 * (1 + momentum) / lr
    ### END SOLUTION


# %% check="03.4"
check("03.4", largest_stable_decay)

# %% [markdown]
# The same with `torch.optim.SGD`, momentum 0.9 and one weight, at the limit and on either side.
# And with a network that learns: at η = 0.1 without momentum the limit is λ = 20.

# %%
at_limit = np.abs(decay.pure_decay(3.8, momentum=0.9, steps=400))
claim("μ = 0.9, ηλ = 3.8, the limit: |w| in steps 201 to 400", at_limit[201:], low=18.9, high=19.1)
for product, bounds in ((3.7, {"high": 0.01}), (3.9, {"low": 100.0})):
    last = decay.pure_decay(product, momentum=0.9, steps=200)[-1]
    claim(f"μ = 0.9, ηλ = {product}: |w| after 200 steps", abs(last), **bounds)
start = train_sgd(steps=0).norm()
for strength, bounds in ((19.0, {"high": 0.5}), (21.0, {"low": 100.0})):
    ratio = train_sgd(weight_decay=strength, steps=100).norm() / start
    claim(f"digits, η = 0.1, λ = {strength:g}: ‖w‖ after 100 steps over the start", ratio, **bounds)

# %% [markdown]
# Where the loss has the curvature $h$, its gradient changes by $h$ per unit of $w$. Then
# $h+\lambda$ stands where λ stood: $\eta(h+\lambda)\le 2(1+\mu)$. The network above meets the
# limit of λ alone because near $w=0$ its loss is nearly flat.

# %% [markdown]
# ## 5 Adam is not AdamW · 20 minutes
#
# Adam keeps two running means for each weight: $m$ of the gradient and $v$ of its square. In each
# step they keep the shares $\beta_1$ (usually 0.9) and $\beta_2$ (0.999) of what they were. The
# step is $m$ divided by the root of $v$. A hat, as in $\hat m$, means: corrected for the start at
# zero (exercise 03.5 has the formulas). With the penalty in the loss, $\lambda w$ is part of the
# gradient: **it is divided, too.** A weight with large gradients has a large $v$, and its decay
# almost vanishes.
#
# AdamW (Loshchilov & Hutter 2019) takes the decay out of the gradient: *decoupled*.
#
# $$w \leftarrow (1-\eta\lambda)\,w - \eta\,\frac{\hat m}{\sqrt{\hat v}+\varepsilon}$$

# %%
predict(
    "Adam(weight_decay=0.01). Weight A sees gradients of pure noise with std 0.1, weight B with "
    "std 10. Both start at 1. Which one decays more?",
    ["A: small gradients", "B: large gradients", "both alike: λ is the same"],
    answer=0,
    because="The decay λw is divided by √v. Here λw is at most 0.01, small beside the noise, so √v "
    "is about the std of the noise: A's decay is multiplied by about 10, B's divided by 10. "
    "Weights that the data pull at least decay most.",
)

# %% [markdown]
# ### Explore: a weight under noise
#
# Each weight starts at 1 and gets gradients of pure noise: no signal, mean zero. Whatever moves it
# systematically is its decay. 100 weights for each scale, and all optimizers see the same noise.
#
# Theory for Adam under noise of std $c$: the mean gradient is $\lambda w$, the mean square is
# $c^2+\lambda^2w^2$. But $v$ remembers about 1000 steps ($\beta_2=0.999$), the whole run. So $w$
# moves by $-\eta\lambda w/\sqrt{v}$ per step, where $v$ is the mean of $c^2+\lambda^2w^2$ over the
# past.

# %%
noise = decay.decay_under_noise(np.geomspace(0.01, 10, 13), decays=(0.1, 0.01, 0.3), seed=SEED)
explore_noise(noise)

# %%
left = dict(zip(noise.optimizers, noise.mean[:, 0, -1], strict=True))  # λ = 0.1; one per scale
ideal = (1 - noise.lr * 0.1) ** 1000
claim("pure decay leaves (1 − ηλ)¹⁰⁰⁰", ideal, low=0.81, high=0.83)
claim("AdamW, gradients of std 0.01 to 10", left["AdamW"], low=0.78, high=0.86)
claim("SGD, gradients of std 0.01 to 1", left["SGD"][noise.scales < 1.1], low=0.78, high=0.86)
claim("Adam, gradients of std 0.01", left["Adam"][0], low=0.0, high=0.06)
claim("Adam, gradients of std 0.1", left["Adam"][4], low=0.12, high=0.28)
claim("Adam, gradients of std 10", left["Adam"][-1], low=0.95, high=1.01)
ratio = left["Adam"] / decay.mean_field(noise, 0.1)[-1]
claim("Adam over the theory, at every scale", ratio, low=0.75, high=1.06)
weak = noise.mean[noise.optimizers.index("Adam"), 1, -1, 4]  # λ = 0.01, gradients of std 0.1
claim("λ = 0.01, std 0.1: decay over ηλ", -np.log(weak) / (noise.lr * 0.01 * 1000), low=8, high=12)

# %% [markdown]
# AdamW keeps what the formula promises: about 0.82 at every scale. Adam with the same λ leaves
# anything from about 0.03 to 0.98, by the scale of the gradient. λ does not say how much it decays.
#
# At the smallest scales λw is larger than the noise: $v$ is then made by the decay itself, and it
# shrinks with $w$. It shrinks late, since it remembers the larger λw of the past. So a little of
# $w$ is left. The theory gets this right within a quarter there, closer where the noise is larger.
#
# It happens in real data. Some pixels of the digits are never lit: their weights have no gradient
# but the decay. Adam scales even a tiny $\lambda w$ up to a full step of size η.

# %%
blank = torch.tensor(data.digits().images.max(0) == 0)  # (64,): never lit in any image
for name, bounds in (("adam", {"high": 0.05}), ("adamw", {"low": 0.999, "high": 1.0})):
    model = nets.MLPs((64, 32, 10), seeds=seeds)
    before = model.weights[0][:, blank].abs().mean().item()
    adam = nets.make_optimizer(model.parameters(), name, lr=0.002, weight_decay=1e-4)
    nets.train(
        model, x, y, steps=400, optimizer=adam, generator=torch.Generator().manual_seed(SEED)
    )
    kept = model.weights[0][:, blank].detach().abs().mean().item() / before
    claim(f"{name}, λ = 0.0001, blank pixels: |w| left after 400 steps", kept, **bounds)

# %% [markdown]
# A λ of 0.0001 wipes them out in Adam. In AdamW they lose less than a thousandth.
#
# ### Exercise 03.5 · `adam_step` · 2 points
# One step of PyTorch's `Adam` (`decoupled=False`) or `AdamW` (`decoupled=True`). `m` and `v` are
# the moments before the step (zeros before the first), `t` is the number of this step: 1 for the
# first. Return a tuple: new weights, new `m`, new `v` (both moments uncorrected).
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g,\quad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2,\quad
# \hat m = \frac{m}{1-\beta_1^t},\quad \hat v = \frac{v}{1-\beta_2^t}$$
#
# The weights move by $-\eta\,\hat m/(\sqrt{\hat v}+\varepsilon)$. Where λ enters is your part.
#
# <details><summary>Hint 1</summary>
#
# Coupled: $g = \nabla L + \lambda w$, before anything else. Decoupled: $g = \nabla L$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Decoupled: the old $w$ shrinks first, as in the formula of AdamW above. Which of `m`, `v` sees λ?
#
# </details>
# <details><summary>Hint 3</summary>
#
# ε is added after the root. $\hat m$ and $\hat v$ are used and thrown away: return `m` and `v`.
#
# </details>


# %% exercise="03.5"
def adam_step(w, grad, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):
    """One step of Adam, or AdamW when decoupled: (new w, new m, new v).

    w, grad, m, v: arrays of one shape, v >= 0; t: int >= 1; lr, eps > 0; beta1, beta2 in [0, 1);
    weight_decay >= 0; decoupled: bool.
    """
    ### BEGIN SOLUTION
    if decoupled:
        w = (1 - lr * weight_decay) * w
    else:
        grad = grad + weight_decay * w
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
    ### END SOLUTION


# %% check="03.5"
check("03.5", adam_step)

# %% [markdown]
# At work you write `torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)`. One
# warning: in PyTorch's AdamW a weight loses the share $\eta\lambda$ per step, so the decay is not
# free of the learning rate. Halve η, and you halve it. In the paper λ is multiplied by the schedule
# only, the factor that changes η over time (lesson 10).

# %%
shrink = []
for lr in (0.1, 0.05):
    weight = torch.ones(1, dtype=torch.float64)
    weight.grad = torch.zeros_like(weight)
    nets.make_optimizer([weight], "adamw", lr=lr, weight_decay=0.1).step()  # torch's own AdamW
    shrink.append(1 - weight.item())
claim("AdamW: shrink per step, η = 0.1 over η = 0.05", shrink[0] / shrink[1], low=1.999, high=2.001)

# %% [markdown]
# ## 6 What decay does for accuracy · 10 minutes
#
# Weight decay makes ‖w‖ smaller; that is arithmetic. Whether it makes the *test accuracy* larger is
# a question about data. Two tasks: 300 digits with clean labels, and the same digits with 40 % of
# the labels wrong. All networks are 64-64-10, trained with SGD, η = 0.05, momentum 0.9, 500 steps
# of batches of 64; λ acts on the weight matrices only.

# %%
predict(
    "You pick the best λ for each task. Where does weight decay raise the test accuracy by more "
    "than two points?",
    ["on both", "on clean labels only", "on wrong labels only", "on neither"],
    answer=2,
    because="Clean digits leave little to gain: the network that fits them generalizes already. "
    "With wrong labels a large ‖w‖ is what it takes to memorize them, and decay forbids it.",
)

# %%
strengths = (0.0, 0.003, 0.01, 0.02, 0.03, 0.1)
five = range(100 * SEED, 100 * SEED + 5)
with tqdm(total=11, desc="60 networks", file=sys.stdout, mininterval=1) as bar:
    sweep = decay_sweep.sweep_decay(strengths, seeds=five, tick=bar.update)
explore_sweep(sweep)

# %% [markdown]
# Thin lines are seeds. Each seed keeps its data, start and batches over all λ, so the gains are
# paired. Move λ and watch the right panel: without decay the network first learns the digits, then
# the wrong labels, and the test accuracy falls while the training accuracy climbs.

# %%
gain = sweep.test[..., -1] - sweep.test[0, ..., -1]  # (λ, 2, S): against λ = 0
claim("wrong labels, λ = 0.02: gain in test accuracy, every seed", gain[3, 1], low=0.005, high=0.35)
claim("wrong labels, λ = 0.02: mean gain", gain[3, 1].mean(), low=0.1, high=0.3)
claim("clean labels: the largest mean gain over all λ", gain[:, 0].mean(1).max(), high=0.02)
claim("clean labels, λ = 0.03: mean gain", gain[4, 0].mean(), low=-0.06, high=-0.005)
claim("wrong labels, λ = 0.1: mean gain", gain[5, 1].mean(), high=-0.1)
claim("clean labels, λ = 0.1: mean gain", gain[5, 0].mean(), high=-0.1)
ratio = sweep.norm[3, 1].mean() / sweep.norm[0, 1].mean()
claim("wrong labels: ‖w‖ at λ = 0.02 over ‖w‖ at 0", ratio, low=0.2, high=0.32)
over_time = sweep.test[:, 1].mean(1)  # (λ, time): wrong labels
early = over_time[0, sweep.steps.index(100)] - over_time[1:].max()
claim("no decay at step 100 less decay's best λ and step: mean", early, low=-0.09, high=0.02)
falls = np.diff(sweep.norm.mean(2), axis=0)
claim("‖w‖ falls from each λ to the next", falls, high=0.0)

# %% [markdown]
# So decay is no free gain. With wrong labels λ = 0.02 (SGD, η = 0.05, momentum 0.9, matrices only)
# is worth more than ten points on average, and something for every seed. (λ was picked by test
# accuracy, which flatters it a little.) With clean ones we can measure no gain. Too much of it,
# λ = 0.1, costs more than ten points on both tasks.
#
# Look again at λ = 0 in the right panel: at step 100 the test accuracy comes close to the best that
# decay brings at any of these λ and steps (the last claim but one says how close). To stop there
# is another cure for the same illness: lesson 07.
#
# ## 7 What should decay? · 10 minutes
#
# Common advice: let weight matrices and kernels (the weights of convolutions) decay, leave out
# biases and the gains and shifts (γ, β) of normalization layers: γ multiplies a unit's output, β is
# added to it (lesson 05). They are few, and they set scales and thresholds.
#
# ### Exercise 03.6 · `decay_groups` · 1 point
# `parameters` is a dict from a parameter's name to its shape (a tuple), as in
# `{"0.weight": (32, 64), "0.bias": (32,)}`. Return the list of names that decay, in the same order:
# matrices, kernels and other tensors with **two or more axes**, however short these are. Vectors
# and scalars do not.
#
# <details><summary>Hint 1</summary>
#
# Do not trust names: in `nn.Sequential` a batch normalization's γ is called `1.weight`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The number of axes is the length of the shape. `(1, 30)` has two.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `parameters.items()` gives names and shapes in order; keep a name if its shape passes the test.
#
# </details>


# %% exercise="03.6"
def decay_groups(parameters):
    """The names of the parameters that decay, in order: a list of str.

    parameters: dict from name to shape, a tuple of ints (empty for a scalar).
    """
    ### BEGIN SOLUTION
    return [name for name, shape in parameters.items() if len(shape) >= 2]
    ### END SOLUTION


# %% check="03.6"
check("03.6", decay_groups)

# %% [markdown]
# In PyTorch the two groups go to one optimizer:
# `AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}])`.
#
# Is the advice free? With batch normalization the scale of a hidden $W$ does not change the output:
# the normalization divides it away, and decay of $W$ acts on the effective learning rate instead
# (lesson 05). γ and β do set the scale.
#
# Test it: networks 64-64-64-10 on 600 digits, 40 % of the labels wrong, SGD, η = 0.05, momentum
# 0.9, 300 steps. Decay of everything is *more* decay than decay of $W$ at the same λ. So each
# choice gets four values of λ and shows its best.

# %%
eight = range(100 * SEED, 100 * SEED + 8)
with tqdm(total=300, desc="104 networks", file=sys.stdout, mininterval=1) as bar:
    choices = decay_sweep.batch_norm_choices((0.02, 0.06, 0.2, 0.6), seeds=eight, tick=bar.update)
fig, ax = plt.subplots(figsize=(9, 4.2))
draw_choices(ax, choices)
title = "Test accuracy with batch normalization, 40 % wrong labels"
plots.label_axes(ax, title=title, x="λ (SGD, η = 0.05, momentum 0.9)", y="test accuracy")
best = ", ".join(
    f"{name} {acc:.2f} at λ = {choices.decays[at]:g}"
    for name, acc, at in zip(
        decay_sweep.DECAYED, choices.at_best.mean(1), choices.best, strict=True
    )
)
both = choices.test[2, 2].mean()
plots.show(
    fig, alt=f"{title}: 8 seeds. Best of each: {best}. Everything at λ = 0.2: {both:.2f}, chance."
)

# %%
at_002, at_02 = choices.test[:, 0].mean(1), choices.test[:, 2].mean(1)  # vectors, W, everything
claim("λ = 0.02: everything less the others, mean", at_002[2] - at_002[:2], low=0.0, high=0.15)
claim("λ = 0.2: everything less the others, mean", at_02[2] - at_02[:2], high=-0.3)
vectors, matrices, everything = choices.at_best.mean(1)
nothing = choices.nothing.mean()
claim("each at its best λ: W only less nothing", matrices - nothing, low=0.04, high=0.2)
claim("each at its best λ: everything less W only", everything - matrices, low=-0.02, high=0.13)
claim("each at its best λ: γ, β, biases only less W only", vectors - matrices, low=-0.01, high=0.15)
claim("each at its best λ: everything less vectors", everything - vectors, low=-0.09, high=0.09)
gap = choices.at_best[[0, 2]] - choices.at_best[1]
claim("seeds that go the other way", (gap < 0).mean(), high=0.6)
alive, dead = choices.apart[:2, 2], choices.apart[2, 2]  # at λ = 0.2
claim("λ = 0.2, W or vectors decay: largest difference of two images' outputs", alive, low=1.0)
claim("λ = 0.2, everything decays: largest difference of two images' outputs", dead, high=1e-3)
pair, others = decay_sweep.decay_of_the_last_pair(0.2, seeds=eight)
claim("the same, only the last W and the γ, β before it decay", pair, high=1e-3)
claim("the same, everything but the last W decays", others, low=1.0)
used = [choices.decays[i] for i in choices.best]
claim("the best λ of γ, β, biases over the best λ of everything", used[0] / used[2], low=2, high=31)

# %% [markdown]
# At one λ you can show what you like: at 0.02 everything is ahead, at 0.2 it is far behind. Each at
# its best λ, W only helps, but it is not ahead in the mean of the eight: decay of everything gains
# as much or more, and so does decay of the few vectors alone, at a larger λ. Single seeds differ,
# and with another `COURSE_SEED` the other of these two may lead.
#
# Why does decay of everything end at chance for λ = 0.2? There every image gets the same output:
# the network is dead. It is not the hidden $W$ that killed it: the normalization divides their
# scale away. The output layer's $W$ and the γ, β before it multiply each other, so the data pull at
# each in proportion to the other. Where λ is stronger than this pull, both shrink to zero, and take
# the gradient of all layers below with them. The cell tries it: with decay of this pair alone the
# network dies; with decay of everything but the last $W$ it lives.
#
# Mind the limits: one task with wrong labels, a coarse grid, λ picked on the test set for all
# choices alike. The advice is a default, not a law. Test it, at a λ tuned for each choice.
#
# ### Written question 03.w · 2 points
# A recipe says: SGD, learning rate 0.1, momentum 0.9, `weight_decay=5e-4`. You move it to AdamW
# with learning rate 0.001. Which `weight_decay` do you start from, and why? Calculate it, and say
# what your calculation leaves out.

# %% [markdown] written="03.w"
# ### BEGIN SOLUTION
# λ itself cannot be kept: what acts on a weight is the shrink per step. In AdamW that is ηλ, and
# the new η is 100 times smaller; with 5e-4 nothing would decay (5e-7 per step).
#
# In SGD with momentum the decay goes through the buffer, so that the slow shrink per step is
# ηλ/(1 − μ) = 0.1 · 5e-4 / 0.1 = 5e-4. AdamW's decay does not go through the moments:
# 0.001 · λ = 5e-4 gives λ = 0.5. (Without the factor 1/(1 − μ) it would be 0.05.)
#
# That is a start for a search in log space, say 0.05 to 0.5. It leaves out that Adam's steps have
# another size than SGD's, so that the balance between data and decay shifts, and that a
# schedule of η or another number of steps changes the total decay.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# - (λ/2)‖w‖² in the loss adds λw to the gradient. PyTorch's `weight_decay` in SGD and Adam does
#   exactly that, to rounding.
# - Multiplying by 1 − ηλ is the same in plain SGD only. AdamW does it; momentum and Adam do not.
# - A λ needs its formula: between two books it can differ by 2, N or 2N, or be an inverse.
# - In Adam a penalty is divided by √v: weights with small gradients decay fast, those with large
#   ones hardly. In AdamW all decay alike.
# - Without a gradient SGD is stable up to ηλ = 2; momentum widens the range, since it brakes a
#   weight that flips its sign. Curvature narrows it.
# - Here decay paid where labels were wrong; on clean ones we measured no gain. What decays matters:
#   compare each choice at its own best λ.
#
# ## Where textbooks disagree
#
# - *"Weight decay is L2 regularization."* In plain SGD, to rounding. Not in AdamW (section 3).
# - *"Weight decay multiplies $w$ by $1-\eta\lambda$."* Not in PyTorch's SGD with momentum: at
#   μ = 0.9 its decay is about ten times stronger than that (section 3).
# - *"The penalty is λ‖w‖²"*, *"(λ/2)‖w‖²"*, *"(λ/2N)‖w‖²"*. All are in use: a factor of 400 at
#   N = 200 (section 2).
# - *"Decoupled decay is independent of the learning rate."* In PyTorch's AdamW it is proportional
#   to it (section 5).
# - *"Weight decay improves generalization."* With 40 % wrong labels and λ = 0.02 it does, for every
#   seed. On clean digits we measure no gain (section 6).
# - *"Never let γ, β and biases decay."* With batch normalization and wrong labels, and each choice
#   at its own best λ, decay of W only was not ahead of the two choices that include them, in the
#   mean of eight seeds. At one λ for all the order can be either way (section 7).
#
# ## References
#
# - S. J. Hanson, L. Y. Pratt (1989). Comparing biases for minimal network construction with
#   back-propagation. *NeurIPS*.
# - A. Krogh, J. A. Hertz (1992). A simple weight decay can improve generalization. *NeurIPS*.
# - I. Loshchilov, F. Hutter (2019). Decoupled weight decay regularization. *ICLR*.
# - D. P. Kingma, J. Ba (2015). Adam: A method for stochastic optimization. *ICLR*.
# - B. T. Polyak (1964). Some methods of speeding up the convergence of iteration methods. *USSR
#   Computational Mathematics and Mathematical Physics* 4(5).
# - T. van Laarhoven (2017). L2 regularization versus batch and weight normalization.
#   arXiv:1706.05350.
# - G. Zhang, C. Wang, B. Xu, R. Grosse (2019). Three mechanisms of weight decay regularization.
#   *ICLR*.
# - I. Goodfellow, Y. Bengio, A. Courville (2016). *Deep Learning*, section 7.1. MIT Press.

# %%
progress("03")
