# %% [markdown]
# # 02 L1 and L2 geometry
#
# Two penalties, one square and one absolute value. One of them gives weights that are exactly
# zero, the other never does. The reason is a drawing.
#
# *115 minutes. Builds on lesson 00 (gradient descent) and lesson 01 (networks, logits, SGD).*
#
# After this lesson you will be able to
# - tell overfitting from its two error curves, and say what it costs;
# - explain with a diamond and a disc why L1 gives zeros, and compute how often;
# - write soft-thresholding, ridge and lasso, and say why plain gradient descent never reaches zero;
# - turn a prior belief about the weights into a λ;
# - say when L1 does *not* help.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt

from helpers import (
    SEED,
    check,
    claim,
    geometry,
    nets,
    overfitting,
    plots,
    predict,
    progress,
    sparsity,
)
from helpers.plots import geometry as plane_plots
from helpers.plots import overfitting as overfitting_plots
from helpers.plots import priors as prior_plots
from helpers.plots import shrinkage as shrinkage_plots

SEEDS = range(100 * SEED, 100 * SEED + 10)

# %% [markdown]
# ## 1 Overfitting, seen · 15 minutes
#
# A model is fitted to the examples you have. It is used on examples you do not have. Call its error
# on the first the **training error**, and its expected error on new ones the **generalization
# error**. Then
#
# $$\text{generalization error} = \text{training error} + \text{gap}.$$
#
# Training lowers the first term only. Regularization accepts a larger first term for a smaller
# gap.

# %%
predict(
    "Fifteen noisy points, polynomials of degree 0 to 14. Which degree has the lowest "
    "training error?",
    ["a small one, about 3", "one in the middle, about 7", "14, the largest"],
    answer=2,
    because="A polynomial of degree 13 is one of degree 14 with a zero in front, so more degrees "
    "can only lower the training error. With 15 coefficients for 15 points it is zero.",
)

# %% [markdown]
# ### Explore: two curves that part
#
# Move the degree up slowly and watch the two curves part. Then, at degree 14, add points.

# %%
overfitting_plots.explore_polynomial(seed=SEED)

# %%
x, y = overfitting.noisy_points(15, np.random.default_rng([SEED, 11]))
train_error, new_error = overfitting.rms_errors(x, y, range(15))
rises = np.diff(train_error)  # from one degree to the next
claim("largest rise of the training error", rises.max(), high=1e-9)
claim("training error at degree 14", train_error[14], high=1e-6)
claim("best degree on new points", new_error.argmin(), low=3, high=12)
claim("error on new points, degree 14 over the best", new_error[14] / new_error.min(), low=2)

many = overfitting.noisy_points(400, np.random.default_rng([SEED, 12]))
train_many, new_many = (errors[0] for errors in overfitting.rms_errors(*many, [14]))
ratio = new_many / train_many
claim("degree 14, 400 points: new error over training error", ratio, low=0.9, high=1.2)
claim("degree 14, 400 points: training error", train_many, low=0.25, high=0.35)

# %% [markdown]
# Degree 14 is not wrong in itself. It is wrong *for 15 points*: with 400 points its gap is almost
# gone. Overfitting is a relation between a model and the amount of data. With more data the
# training error rises, here from zero to the noise of 0.3, and the error on new points falls to it.
#
# ### A network with a hundred times more weights than examples
#
# A network 64-256-10 has 19,210 parameters. Give it 200 images of digits. Then make 30 % of the
# training labels wrong. Then make the labels random: they no longer depend on the image. The labels
# of the validation images are always right.

# %%
predict(
    "What is the training accuracy on the random labels after 300 steps?",
    ["about 10 %, chance: there is nothing to learn", "about 50 %", "about 100 %"],
    answer=2,
    because="With so many parameters the network can store the labels one by one. Zhang et al. "
    "(2017) showed it for CIFAR-10. The training error tells nothing about what was learned.",
)

# %%
# A label that is wrong with probability 0.9, all nine others alike, is independent of the image.
NOISES = [0.0, 0.3, 0.9]
steps, curves = overfitting.network_curves(NOISES, seeds=SEEDS, steps=300)
fig = overfitting_plots.plot_network_curves(
    steps, curves, ["true labels", "30 % wrong", "random labels"]
)
plots.show(
    fig,
    alt="Training and validation loss and accuracy over 300 steps, three columns. "
    "Training loss falls in all. Validation loss levels off with true labels, rises after "
    "an early minimum with 30 % wrong labels, rises from the start with random labels. "
    "A triangle is on the lowest validation loss of each column.",
)

# %%
last = {name: values[-1].mean(-1) for name, values in curves.items()}  # one per share of noise
rise = curves["val loss"][-1] / curves["val loss"].min(0)  # (noises, seeds)
parameters = 64 * 256 + 256 + 256 * 10 + 10
claim("parameters for each training image", parameters / 200, low=90, high=100)
claim("training accuracy at the end, all three", last["train acc"], low=0.98)
claim("validation accuracy, random labels", last["val acc"][2], low=0.04, high=0.16)
claim("validation accuracy, true labels", last["val acc"][0], low=0.88, high=0.97)
claim("30 % wrong: validation loss at the end over its lowest", rise[1].mean(), low=1.1, high=1.8)
claim("true labels: validation loss at the end over its lowest", rise[0].mean(), high=1.1)
lowest = curves["val loss"][:, 1].argmin(0)  # (seeds,)
stored = curves["wrong acc"][:, 1]  # (T, seeds): the net says the wrong label of a wrong example
early = stored[lowest, np.arange(len(SEEDS))].mean()
claim("30 % wrong: step of the lowest validation loss, median", np.median(steps[lowest]), high=60)
claim("30 % wrong: wrong labels stored at the lowest validation loss", early, low=0.1,
      high=0.75)  # fmt: skip
claim("the same at the end", stored[-1].mean(), low=0.95)

# %% [markdown]
# Read the columns from right to left. The losses are noted every 20 steps; ▼ is the lowest
# validation loss among the notes.
#
# - **Random labels**: no training error, no generalization. The gap is everything.
# - **30 % wrong**: the validation loss turns up early, for most seeds within the first few notes.
#   At its lowest a part of the wrong labels is stored, far from all; at the end nearly all are.
# - **True labels**: almost a hundred parameters for each image, and in these 300 steps the
#   validation loss does *not* turn up. More parameters than examples is not enough for a bad gap.
#   The labels matter.
#
# ### Three families of remedies
#
# | what you change | examples | lessons |
# |---|---|---|
# | the loss | L1, L2, weight decay | here, 03 |
# | the network and its training | dropout, normalization, ensembles, early stopping | 04 – 07 |
# | the data | augmentation, noise, soft labels | 08, 09 |

# %% [markdown]
# ## 2 Two penalties · 10 minutes
#
# Add to the loss $J$ a price for large weights:
#
# $$\tilde J(w) = J(w) + \lambda\,\Omega(w), \qquad
# \Omega_1 = \sum_j |w_j|, \qquad \Omega_2 = \tfrac12 \sum_j w_j^2 .$$
#
# The ½ is there so that the gradient of $\Omega_2$ is $w$. Books and libraries differ; this is what
# `weight_decay` means in PyTorch's SGD. Biases are left out: they shift a unit and do not make it
# more sensitive to its inputs.

# %%
predict(
    "A weight is 0.01. With the same λ, which penalty pulls it harder towards zero?",
    ["L2, the square", "both alike", "L1, the absolute value"],
    answer=2,
    because="The pull is the derivative. For L2 it is λ·w = 0.01 λ and fades as the weight gets "
    "small. For L1 it is λ, however small the weight is.",
)

# %%
w = torch.tensor([0.01, 2.0], requires_grad=True)
(pull_l1,) = torch.autograd.grad(w.abs().sum(), w)
(pull_l2,) = torch.autograd.grad(0.5 * w.square().sum(), w)
claim("L1 pulls at 0.01 and at 2 with", pull_l1, low=1, high=1)
claim("L2 pulls at 2 over its pull at 0.01", pull_l2[1] / pull_l2[0], low=199, high=201)

# %% [markdown]
# ### Exercise 02.1 · `penalty` · 1 point
#
# The penalty of a whole network. `parameters` is a list of arrays, as a network has them. Arrays
# with **one** dimension are biases and do not count. All others are weights, of two or more
# dimensions. Return a number: $\sum |w|$ for `kind="l1"`, $\frac12 \sum w^2$ for `kind="l2"`.
#
# <details><summary>Hint 1</summary>
#
# `array.ndim` is the number of dimensions.
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over all entries of an array first, then over the arrays: no norm, no mean.
# </details>
# <details><summary>Hint 3</summary>
#
# `weights = [p for p in parameters if p.ndim > 1]`, then one `sum(...)` for each kind.
# </details>


# %% exercise="02.1"
def penalty(parameters: list[np.ndarray], kind: str) -> float:
    """The sum of |w| ("l1") or half the sum of w² ("l2") over all weights.

    parameters: weights (two or more dimensions) and biases (one dimension, not penalized).
    """
    ### BEGIN SOLUTION
    weights = [p for p in parameters if p.ndim > 1]
    if kind == "l1":
        return float(sum(np.abs(w).sum() for w in weights))
    return float(0.5 * sum((w**2).sum() for w in weights))
    ### END SOLUTION


# %% check="02.1"
check("02.1", penalty)

# %% [markdown]
# In PyTorch you write the same, and autograd does the rest:
#
# ```python
# omega = sum(p.abs().sum() for p in model.parameters() if p.dim() > 1)
# (loss + lam * omega).backward()
# ```

# %% [markdown]
# ## 3 The diamond and the disc · 20 minutes
#
# A price has a twin: a budget. For every $\lambda > 0$ there is an $s$ so that
#
# $$\min_w\; J(w) + \lambda\,\Omega(w) \quad\text{and}\quad
# \min_w\; J(w) \;\;\text{with}\;\; \|w\| \le s$$
#
# have the same solution. The norm is the penalty's: $\|w\|_1=\sum_j|w_j|$ for $\Omega_1$, the
# length $\|w\|_2$ for $\Omega_2$. For a convex $J$ the reverse holds too: every $s$ has its λ,
# which is 0 when the budget is no limit. A large λ is a small budget. With two weights the budget
# is an area: $|w_1|+|w_2|\le s$ is a diamond, $w_1^2+w_2^2\le s^2$ is a disc. The best point of
# the area is where the lowest contour of $J$ touches it.

# %%
predict(
    "You start with a budget of almost zero and let it grow. The unconstrained optimum is at "
    "(1.77, 0.94). How does the best point of the *diamond* leave the origin?",
    ["straight towards (1.77, 0.94)", "along one of the two axes", "along the diamond's edge"],
    answer=1,
    because="A tiny diamond sees J as a slope. On a slope the lowest point of a diamond is a "
    "corner, and the corners are on the axes. The second weight joins later.",
)

# %% [markdown]
# ### Explore: the diamond beside the disc
#
# The black plus is the optimum without a budget, at distance 2 from the origin. The dashed line is
# the path of all optima as $s$ grows; the marker is the optimum for the current $s$, a **star**
# when one weight is exactly zero.
#
# Try: the budget, from 0.1 up. Then `angle`: how long does each marker stay on an axis? Then
# condition 100 at tilt 135: two weights that can replace each other.

# %%
plane_plots.explore_balls()

# %%
# One λ belongs to each s: read it off the gradient, and solve the penalized problem with it.
rng = np.random.default_rng([SEED, 31])
hessian = geometry.hessians(6.0, 110.0)
targets = geometry.polar(2.0, rng.uniform(0, 360, 200))
in_disc = geometry.optimum_in_disc(hessian, targets, 1.0)  # (200, 2)
lams = np.linalg.norm((targets - in_disc) @ hessian, axis=1)  # −∇J = λ w, and here ‖w‖ = 1
penalized = [
    np.linalg.solve(hessian + lam * np.eye(2), hessian @ target)
    for lam, target in zip(lams, targets, strict=True)
]
difference = np.abs(penalized - in_disc).max()
claim("disc: penalized minus constrained optimum, 200 problems", difference, high=1e-6)

on_diamond = geometry.optimum_on_diamond(hessian, targets, 1.0)
at_corner = geometry.lands_on_axis(on_diamond)
slopes = np.abs((targets - on_diamond) @ hessian)[at_corner]  # |∂J/∂w₁|, |∂J/∂w₂|
is_zero = on_diamond[at_corner] == 0  # one of the two
claim("corners: slope of the zero weight / λ", slopes[is_zero] / slopes[~is_zero], low=0, high=1)

# %% [markdown]
# The last line is the whole story. At a corner, say $w_2=0$, the weight $w_1$ is pulled with
# exactly λ. The weight $w_2$ would have to *earn* λ too: as long as $|\partial J/\partial w_2| \le
# \lambda$ it stays at zero. An inequality holds for a whole range of problems. On the disc $w_2=0$
# needs $\partial J/\partial w_2 = 0$: an equality, which holds by chance only.
#
# ### How often? An exact probability
#
# Take circular contours, so that the best point is the *nearest* one, and put the optimum $w^*$ at
# random on a circle of radius $R \ge s$. Nearest is a corner when one coordinate exceeds the other
# by the budget or more:
#
# $$\big|\,|w_1^*| - |w_2^*|\,\big| \ge s .$$
#
# With $w^*=(R\cos\theta, R\sin\theta)$ in the first quadrant, $\cos\theta-\sin\theta =
# \sqrt2\cos(\theta+\frac\pi4)$, and $\theta$ is uniform. The share of angles is
#
# $$P(\text{exact zero}) = 1 - \frac4\pi \arcsin\frac{s}{\sqrt2\,R} \quad (s \le R),
# \qquad 0 \text{ otherwise}.$$


# %%
def exact_probability(radius, budget):
    """The formula above, for circular contours."""
    ratio = min(budget / radius, 1.0)
    return 1 - 4 / np.pi * np.arcsin(ratio / np.sqrt(2))


print(f"R = 2, s = 1: {exact_probability(2, 1):.4f}     s = 0.5: {exact_probability(2, 0.5):.4f}")

# %% [markdown]
# ### Explore: how often a zero?
#
# Left: random optima, each joined to the nearest point of the diamond; in the green regions that
# is a corner. (Of many draws the first 150 are shown; all are counted.) Right: your draws (star)
# on the formula (line), with ± 2 standard errors (SE). Triangles and squares have no formula:
# contours of condition 10 and 100, tilted at random.

# %%
plane_plots.explore_probability(exact_probability, seed=SEED)

# %%
ratios = np.array([0.25, 0.5, 1.0])  # s/R
shares = {k: plane_plots.axis_shares(k, ratios, seed=SEED) for k in (1, 10, 100)}
exact = np.array([exact_probability(1, ratio) for ratio in ratios])
claim("circular contours: Monte Carlo minus formula", shares[1] - exact, low=-0.035, high=0.035)
more = shares[100][1] - exact[1]
claim("condition 100, s/R = 0.5: probability above the formula's", more, low=0.08, high=0.2)
claim("condition 100, s/R = 1: probability", shares[100][2], low=0.15, high=0.27)
angles = np.random.default_rng([SEED, 35]).uniform(0, 360, 2000)
round_ones, long_ones = (  # circles; ellipses of condition 100, their long axis along an edge
    geometry.optimum_on_diamond(geometry.hessians(k, 135.0), geometry.polar(2.0, angles), 1.0)
    for k in (1.0, 100.0)
)
claim("condition 100, tilt 135: how far 2000 optima move, at most",
      np.abs(long_ones - round_ones).max(), high=1e-9)  # fmt: skip

targets = geometry.polar(2.0, np.random.default_rng([SEED, 32]).uniform(0, 360, 2000))
in_disc = geometry.optimum_in_disc(hessian, targets, 1.0)
claim("L2: exact zeros in 2000 problems", geometry.lands_on_axis(in_disc).sum(), low=0, high=0)

# %% [markdown]
# Averaged over all tilts, long contours make zeros *more* likely: condition 100 adds about 0.15
# at $s = R/2$, and at $s = R$, where the formula is zero, one optimum in five still has an exact
# zero. At a tilt of 45 or 135 degrees they change nothing: $J$ is then a parabola in $w_1+w_2$
# plus one in $w_1-w_2$, the diamond limits each of the two for itself, and the condition drops
# out.
#
# ### Exercise 02.2 · `axis_probability` · 2 points
#
# Test the formula. Estimate the probability by Monte Carlo: draw `draws` angles, uniform on
# $[0, 2\pi)$, from `rng`; put $w^*$ on the circle; return the **share** of draws whose nearest
# point of the diamond has an exact zero. It must work for $s > R$ too (then it is 0).
#
# <details><summary>Hint 1</summary>
#
# The condition stands before the formula: $|\,|w_1^*|-|w_2^*|\,|\ge s$. It needs no projection.
# </details>
# <details><summary>Hint 2</summary>
#
# `angle = rng.uniform(0, 2 * np.pi, draws)` gives all draws at once; no loop.
# </details>
# <details><summary>Hint 3</summary>
#
# With `a` and `b` for $|w_1^*|$ and $|w_2^*|$: the mean of `np.abs(a - b) >= budget`.
# </details>


# %% exercise="02.2"
def axis_probability(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    """The share, in [0, 1], of random w* on a circle whose nearest point of the diamond has a zero.

    radius of the circle and budget of the diamond |w₁| + |w₂| ≤ budget are positive.
    """
    ### BEGIN SOLUTION
    angle = rng.uniform(0, 2 * np.pi, draws)  # (draws,)
    a, b = np.abs(radius * np.cos(angle)), np.abs(radius * np.sin(angle))
    return float(np.mean(np.abs(a - b) >= budget))
    ### END SOLUTION


# %% check="02.2"
check("02.2", axis_probability)

# %%
try:
    mine = axis_probability(2.0, 1.0, 100_000, np.random.default_rng([SEED, 33]))
    print(f"Monte Carlo {mine:.4f}, formula {exact_probability(2.0, 1.0):.4f}")
except NotImplementedError:
    print("not attempted yet: axis_probability; going on with the formula")

# %% [markdown]
# ### Many weights
#
# In two dimensions the diamond has four corners. In $d$ dimensions the L1 ball has corners, edges
# and faces of every dimension below $d$. Inside a face of dimension $k$, $k+1$ weights are not
# zero and all others are: only the largest faces, of dimension $d-1$, have no zeros. Project
# random points, normal with variance 1, on the ball $\|w\|_1\le s$ and count. Their own $\|w\|_1$
# is about $0.8\,d$: it grows with $d$. So take two budgets: a fixed one, $s=1$, and one that grows
# along, $s=0.4\,d$.

# %%
DIMENSIONS = [2, 5, 10, 50, 200]
rng = np.random.default_rng([SEED, 34])
clouds = [rng.standard_normal((4000, d)) for d in DIMENSIONS]
fixed, growing = (
    np.array(
        [geometry.zeros_after_projection(w, s(w.shape[1])).mean() / w.shape[1] for w in clouds]
    )
    for s in (lambda d: 1.0, lambda d: 0.4 * d)
)
fig, ax = plt.subplots(figsize=(6.4, 3.6))
plane_plots.plot_zeros_by_dimension(ax, DIMENSIONS, {"L1, s = 1": fixed, "L1, s = 0.4 d": growing})
plots.show(
    fig,
    alt="The share of exact zeros after projection on the L1 ball of budget 1 rises from "
    f"{fixed[0]:.2f} for 2 weights to {fixed[-1]:.2f} for 200. With a budget of 0.4 d it rises "
    f"from {growing[0]:.2f} and levels off at {growing[-1]:.2f}. For the L2 ball it is 0.",
)
sizes = np.array([np.abs(w).sum(1).mean() / w.shape[1] for w in clouds])
claim("mean of ‖w‖₁ / d, before the projection", sizes, low=0.77, high=0.83)
claim("s = 1: share of zeros for 2 weights", fixed[0], low=0.08, high=0.14)
claim("s = 1: share of zeros for 50 weights", fixed[3], low=0.91, high=0.95)
claim("s = 0.4 d: share of zeros for 2 weights", growing[0], low=0.13, high=0.2)
claim("s = 0.4 d: share of zeros for 200 weights", growing[4], low=0.35, high=0.4)
claim("s = 0.4 d: what it gains from 50 weights to 200", growing[4] - growing[3], high=0.02)
huge = np.random.default_rng([SEED, 36]).standard_normal((5, 200_000))
limit = geometry.zeros_after_projection(huge, 0.4 * 200_000).mean() / 200_000
claim("s = 0.4 d: share of zeros for 200,000 weights", limit, low=0.376, high=0.38)

# %% [markdown]
# Most of the upper curve is a budget that becomes small beside $\|w\|_1$. With a budget that keeps
# pace, more weights still mean more zeros, but the share levels off: 0.37 for 200 weights. (The
# limit is 0.378. The projection moves every weight $t$ toward zero, and those below $t$ to zero;
# for many weights $t$ is such that the mean of $\max(|z|-t,\,0)$ is 0.4 for a normal $z$. Then
# $|z|\le t$ has the probability 0.378.)

# %% [markdown]
# ### Written question 02.w · 2 points
#
# Why does a disc never give an exact zero? Explain from the geometry, to a fellow student, why the
# L2 optimum has a zero only by coincidence while the L1 optimum has one for a whole range of
# problems. Say what the gradient of $J$ has to satisfy at the touching point in both cases. A
# sketch in words is enough (5 to 8 sentences).

# %% [markdown] written="02.w"
# ### BEGIN SOLUTION
# At the touching point the contour of J and the edge of the budget have a common tangent, so −∇J is
# normal to the ball. The disc has exactly one normal at each point, and it points along w:
# −∇J = λw. If w₂ = 0, its second component must be 0: ∂J/∂w₂ = 0 at just that point. This is one
# equation, and a small turn of the ellipses breaks it, so it has probability 0.
#
# A corner of the diamond has a whole cone of normals: at (s, 0) all vectors (λ, v) with |v| ≤ λ.
# So only |∂J/∂w₂| ≤ λ is needed. This is an inequality: it still holds after a small change of J,
# hence for an open set of problems, which has positive probability.
# ### END SOLUTION

# %% [markdown]
# ## 4 The kink at zero · 20 minutes
#
# $|w|$ has no derivative at 0. Every slope in $[-1, 1]$ is a *subgradient* there; PyTorch uses 0.
# So plain descent with L1 is
#
# $$w \leftarrow w - \eta\,\big(\nabla J(w) + \lambda\,\mathrm{sign}(w)\big).$$
#
# Near zero the pull does not fade: a small weight is thrown across zero, and back.

# %%
zero = torch.tensor(0.0, requires_grad=True)
claim("PyTorch's derivative of |w| at 0", torch.autograd.grad(zero.abs(), zero)[0], low=0, high=0)

# %%
predict(
    "Linear regression with an L1 penalty (lasso) on 50 weights, 5 of them non-zero in truth. "
    "After 3000 steps of subgradient descent, how many weights are exactly zero?",
    ["0", "about 20", "about 45"],
    answer=0,
    because="A step is finite, and it would have to end at 0 to the last bit. Weights go back and "
    "forth across zero in a band whose width is set by the learning rate.",
)

# %% [markdown]
# ### The proximal step
#
# Do not differentiate the penalty, *minimize* it, close to where you are:
#
# $$\mathrm{prox}_t(w) = \arg\min_z\; \tfrac12 (z-w)^2 + t\,|z|
# = \mathrm{sign}(w)\,\max(|w|-t,\,0).$$
#
# For the L2 penalty the same minimum is at $w/(1+t)$. L1 **takes away** the same amount from every
# weight, and stops at zero. L2 **scales** all weights, and never arrives.

# %% [markdown]
# ### Explore: taking away, or scaling
#
# Left: what a proximal step minimizes, for both penalties. Right: where it sends each weight. Move
# $w$ through zero: over which range does the star (L1) stay there? What does a larger $t$ change?

# %%
shrinkage_plots.explore_proximal()

# %%
ws = np.random.default_rng([SEED, 41]).uniform(-3, 3, 200)
found = np.array([[shrinkage_plots.minimizer(kind, v, 0.7) for kind in ("L1", "L2")] for v in ws])
soft = F.softshrink(torch.tensor(ws), 0.7).numpy()
distance = np.abs(found[:, 0] - soft).max()
claim("L1: a grid search minus soft-thresholding, at most", distance, high=0.00051)
claim("L2: the same for w/(1 + t)", np.abs(found[:, 1] - ws / 1.7).max(), high=0.00051)

# %% [markdown]
# ### Exercise 02.3 · `soft_threshold` · 1 point
#
# Write the formula for an array of any shape. `t` is at least 0. Do not change `w` in place.
#
# <details><summary>Hint 1</summary>
#
# Shrink the size and keep the sign: two factors.
# </details>
# <details><summary>Hint 2</summary>
#
# `np.maximum(a, 0.0)` works entry by entry; `max` does not.
# </details>
# <details><summary>Hint 3</summary>
#
# The size is `np.maximum(np.abs(w) - t, 0.0)`; multiply by `np.sign(w)`.
# </details>


# %% exercise="02.3"
def soft_threshold(w: np.ndarray, t: float) -> np.ndarray:
    """Every entry of w moved towards zero by t ≥ 0, and stopped there; the shape of w."""
    ### BEGIN SOLUTION
    return np.sign(w) * np.maximum(np.abs(w) - t, 0.0)
    ### END SOLUTION


# %% check="02.3"
check("02.3", soft_threshold)

# %% [markdown]
# ### Explore: the race
#
# 100 examples, 50 features, 5 of which matter. The loss is
# $J(w)=\frac1{2n}\|y-Xw\|^2$ and λ = 0.2. Both methods start at the same small random weights:
#
# - **subgradient**: step along $\nabla J + \lambda\,\mathrm{sign}(w)$;
# - **proximal**: step along $\nabla J$, then soft-threshold by $\eta\lambda$. This is ISTA
#   (iterative shrinkage-thresholding algorithm).

# %%
problem = sparsity.make_regression(100, 50, 5, np.random.default_rng([SEED, 42]), sizes=(1.0, 2.0))
start = 0.1 * np.random.default_rng([SEED, 43]).standard_normal(50)
record = np.unique(np.geomspace(1, 3000, 140).astype(int))
RATES = [0.003, 0.01, 0.03, 0.1]
paths = {
    method: sparsity.descend(problem.X, problem.y, lam=[0.2] * 4, lr=RATES, method=method,
                             steps=3000, record=record.tolist(), start=start)
    for method in ("subgradient", "proximal")
}  # fmt: skip

# %%
shrinkage_plots.explore_descent(record, paths, problem.w != 0, RATES, start=0.01)

# %%
adam = sparsity.descend(problem.X, problem.y, lam=[0.2], lr=[0.01], method="adam", steps=2000,
                        start=start)  # fmt: skip
off = (paths["proximal"][-1] == 0).all(0)  # zero in the solution
typical = np.median(np.abs(paths["subgradient"][-30:][:, :, off]), (0, 2))  # (rates,)
zeros = {name: (path == 0).sum(-1) for name, path in paths.items()}  # (steps, rates)
claim("subgradient: exact zeros at any recorded step", zeros["subgradient"], low=0, high=0)
claim("Adam: exact zeros after 2000 steps", (adam == 0).sum(), low=0, high=0)
claim("proximal: exact zeros at the end, each rate", zeros["proximal"][-1], low=40, high=46)
bands = np.array(RATES[1:]) * 0.2  # ηλ; the rate 0.003 is not at rest yet
claim("subgradient: median |w| over ηλ/2, rates 0.01, 0.03, 0.1", typical[1:] / (bands / 2),
      low=0.8, high=1.25)  # fmt: skip
sizes = np.abs(paths["subgradient"][-30:, 1:][:, :, off]) / bands[:, None]  # (steps, rates, d)
claim("the same: share of |w| above ηλ", (sizes > 1).mean((0, 2)), low=0.05, high=0.25)
claim("the same: share of |w| above 2ηλ", (sizes > 2).mean((0, 2)), high=0.01)

# %% [markdown]
# A small weight hops to and fro across zero by about ηλ: the pull of L1, and a little of the
# gradient of $J$. Its size is typically ηλ/2, about once in eight times above ηλ, hardly ever above
# 2ηλ. (The rate 0.003 is left out: it has not converged.)
#
# A smaller learning rate narrows the band and does not close it. Adam does not
# help. A rule such as "|w| < 0.001 counts as zero" gives an answer that depends on the learning
# rate. The proximal step gives zeros to the last bit.

# %% [markdown]
# ## 5 Ridge and lasso · 20 minutes
#
# Linear regression with a penalty is called **ridge** (L2; Hoerl & Kennard 1970) and **lasso** (L1;
# Tibshirani 1996). Our convention, for $n$ examples, ridge with an intercept $b$ that is not
# penalized, lasso without an intercept:
#
# $$\text{ridge:}\quad \frac1{2n}\|y-Xw-b\|^2+\frac\lambda2\|w\|_2^2, \qquad
# \text{lasso:}\quad \frac1{2n}\|y-Xw\|^2+\lambda\|w\|_1 .$$
#
# Ridge has a closed form. Its gradient is zero where, for centered data,
#
# $$(X^\top X + n\lambda I)\,w = X^\top y .$$
#
# ### Exercise 02.4 · `ridge` · 1 point
#
# Return `(w, b)`: `w` of shape (d,), `b` a number. `X` and `y` are not centered. An unpenalized
# intercept means: subtract the mean of each column of `X` and of `y`, solve for `w`, then
# $b = \bar y - \bar x^\top w$. Use `np.linalg.solve`; $d > n$ occurs when λ > 0.
#
# <details><summary>Hint 1</summary>
#
# Where does the n come from? Multiply the gradient by n.
# </details>
# <details><summary>Hint 2</summary>
#
# `X.mean(0)` has shape (d,). Centering makes copies: do not write `X -= …`.
# </details>
# <details><summary>Hint 3</summary>
#
# `w = np.linalg.solve(Xc.T @ Xc + n * lam * np.eye(d), Xc.T @ yc)`
# </details>


# %% exercise="02.4"
def ridge(X: np.ndarray, y: np.ndarray, lam: float) -> tuple[np.ndarray, float]:
    """The w (d,) and b that minimize 1/(2n) ‖y − Xw − b‖² + (lam/2) ‖w‖².

    X (n, d), y (n,), lam at least 0.
    """
    ### BEGIN SOLUTION
    n, d = X.shape
    Xc, yc = X - X.mean(0), y - y.mean()
    w = np.linalg.solve(Xc.T @ Xc + n * lam * np.eye(d), Xc.T @ yc)
    return w, float(y.mean() - X.mean(0) @ w)
    ### END SOLUTION


# %% check="02.4"
check("02.4", ridge)

# %% [markdown]
# ### Exercise 02.5 · `lasso` · 2 points
#
# Lasso by ISTA. No intercept here, and no closed form. Start at $w=0$ and repeat `steps` times
#
# $$w \leftarrow \mathrm{soft}\Big(w - \tfrac1L \nabla J(w),\; \tfrac{\lambda}{L}\Big), \qquad
# \nabla J = \tfrac1n X^\top(Xw-y),$$
#
# with the usual step size $1/L$: $L$ is the largest eigenvalue of $X^\top X/n$. (Larger ones work
# too, up to $2/L$, as for plain gradient descent.) With `steps=0` the answer is zeros. Do not
# depend on `soft_threshold` above; write its line again.
#
# <details><summary>Hint 1</summary>
#
# Two lines inside the loop: the gradient step on the smooth part, then the threshold.
# </details>
# <details><summary>Hint 2</summary>
#
# `np.linalg.eigvalsh(A)[-1]` is the largest eigenvalue of a symmetric matrix.
# </details>
# <details><summary>Hint 3</summary>
#
# `z = w - X.T @ (X @ w - y) / n / L`, then soft-threshold `z` by `lam / L`.
# </details>


# %% exercise="02.5"
def lasso(X: np.ndarray, y: np.ndarray, lam: float, steps: int) -> np.ndarray:
    """The w (d,) after `steps` proximal steps from 0 on 1/(2n) ‖y − Xw‖² + lam ‖w‖₁.

    X (n, d), y (n,), lam at least 0; the step size is 1/L.
    """
    ### BEGIN SOLUTION
    n, d = X.shape
    L = np.linalg.eigvalsh(X.T @ X / n)[-1]
    w = np.zeros(d)
    for _ in range(steps):
        z = w - X.T @ (X @ w - y) / n / L
        w = np.sign(z) * np.maximum(np.abs(z) - lam / L, 0.0)
    return w
    ### END SOLUTION


# %% check="02.5"
check("02.5", lasso)

# %% [markdown]
# At work you call scikit-learn. Beware of its conventions: our lasso is `Lasso(alpha=λ)`, our ridge
# is `Ridge(alpha=nλ)`, because scikit-learn's ridge has no 1/n.

# %%
from sklearn.linear_model import Lasso, Ridge, lasso_path

small = sparsity.make_regression(40, 20, 5, np.random.default_rng([SEED, 51]), noise=1.0)
reference = Lasso(alpha=0.1, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(small.X, small.y)
try:
    mine = lasso(small.X, small.y, 0.1, 3000)
    print(f"largest difference to scikit-learn: {np.abs(mine - reference.coef_).max():.1e}")
except NotImplementedError:
    print("not attempted yet: lasso; going on with scikit-learn's")
largest = np.linalg.eigvalsh(small.X.T @ small.X / 40)[-1]  # L
longer = sparsity.descend(small.X, small.y, lam=[0.1], lr=[1.9 / largest], method="proximal",
                          steps=3000, start=np.zeros(20))[-1, 0]  # fmt: skip
claim("ISTA with the step size 1.9/L: difference to scikit-learn, at most",
      np.abs(longer - reference.coef_).max(), high=1e-6)  # fmt: skip

# %% [markdown]
# ### Explore: coefficient paths
#
# 40 examples, 20 features, 5 of which matter. Move λ: the black line runs through the paths above,
# the stems below show the coefficients at this λ beside the truth (gray). An open circle is an
# exact zero. The dotted line is the λ with the lowest error on the test set, for each method.

# %%
lams = np.geomspace(0.01, 10, 81)
lasso_paths = lasso_path(small.X, small.y, alphas=lams[::-1], tol=1e-8, max_iter=20_000)[1].T[::-1]
ridge_paths = np.stack([
    Ridge(alpha=40 * lam, fit_intercept=False).fit(small.X, small.y).coef_ for lam in lams
])  # fmt: skip
shrinkage_plots.explore_paths(small, lams, {"ridge": ridge_paths, "lasso": lasso_paths})

# %%
lam_max = np.abs(small.X.T @ small.y).max() / 40
claim("ridge: exact zeros on the whole path", (ridge_paths == 0).sum(), low=0, high=0)
above, below = lasso_paths[lams > lam_max], lasso_paths[lams < lam_max]
claim("lasso: coefficients left above λ = max |Xᵀy|/n", (above != 0).sum(), low=0, high=0)
claim("lasso: coefficients left just below", (below[-1] != 0).sum(), low=1, high=3)
norms = np.linalg.norm(ridge_paths, axis=1)
claim("ridge: share of ‖w‖ left at λ = 10", norms[-1] / norms[0], low=0.02, high=0.25)
twenty = sparsity.compare_paths(range(100 * SEED, 100 * SEED + 20), lams, at=0.3)
claim("20 problems, lasso at λ = 0.3: right coefficients, estimate over truth, mean",
      twenty.kept.mean(), low=0.6, high=0.82)  # fmt: skip
claim("the same: wrong features left, of 15, mean", twenty.wrong.mean(), low=0.6, high=3)
lower = (twenty.ridge < twenty.lasso).mean()  # over problems and λs
claim("share of the λs at which ridge's test error is lower, mean", lower, low=0.35, high=0.5)
lowest = twenty.lasso.min(1) / twenty.ridge.min(1)  # of each path
claim("lowest test error on the path, lasso over ridge, mean", lowest.mean(), low=0.68, high=0.89)
claim("share of the problems in which lasso's is lower", (lowest < 1).mean(), low=0.8)

# %% [markdown]
# The lasso paths are made of straight pieces (curved here by the log axis) and end in the axis. The
# ridge paths fade and do not arrive. Look at the cost: where lasso has removed most of the wrong
# features, it has also shrunk the right ones. In the mean of 20 problems like this one, λ = 0.3
# leaves one to three wrong features of 15, and shrinks the right coefficients to about 70 % of
# their true size. At one and the same λ either method may have the lower test error; the λ of the
# one means little for the other. Each at its best λ, lasso wins on all or nearly all of these
# sparse problems.

# %% [markdown]
# ## 6 Where L1 helps, and where it does not · 15 minutes
#
# ### Finding features
#
# 200 features, 20 matter, 150 examples. Choose λ in two ways: by a rule,
# $1.2\,\sigma\sqrt{2\ln d/n}$, and by cross-validation. The rule has the form of Bickel
# et al. (2009), $A\sigma\sqrt{\ln d/n}$. Their theorem asks for $A>2\sqrt2$; the factor 1.2, that
# is $A\approx1.7$, is our choice. And we use the true σ, which you do not know at work.

# %%
predict(
    "Cross-validation chooses the λ that predicts best. How many of the 180 useless features does "
    "this lasso keep?",
    ["about 0", "about 5", "about 50"],
    answer=2,
    because="The best prediction wants little shrinkage of the right weights, hence a small λ, and "
    "a small λ lets useless features in with small weights. They do not hurt the prediction much.",
)

# %%
recovery = sparsity.compare_recovery(range(100 * SEED, 100 * SEED + 10))
fig = shrinkage_plots.plot_recovery(recovery, 20)
plots.show(
    fig,
    alt="Bars: lasso with the rule's λ keeps all 20 true and a few false features, by "
    "cross-validation all 20 and about 50 false ones. Ridge's 20 largest hold 17 true. "
    "Dots: the test error is lowest for lasso by cross-validation, highest for ridge.",
)
claim("true features found by lasso", recovery["lasso"][:, 0].mean(), low=19.5, high=20)
claim("false ones, λ from the rule", recovery["lasso"][:, 1].mean(), low=2, high=10)
claim("false ones, λ from cross-validation", recovery["lasso, CV"][:, 1].mean(), low=30, high=75)
errors = {name: found[:, 2].mean() for name, found in recovery.items()}
claim("test error, ridge over lasso, CV", errors["ridge, CV"] / errors["lasso, CV"], low=10)

# %% [markdown]
# On a sparse truth lasso wins by far. But the λ that predicts best and the λ that finds the right
# features (the *support*) are not the same. Read "selected by lasso with cross-validation" with
# care.
#
# ### A dense truth
#
# Now all 200 weights are small and none is zero.

# %%
dense = sparsity.compare_dense(range(100 * SEED, 100 * SEED + 10))
ratio = (dense[:, 0] / dense[:, 1]).mean()
claim("test error of lasso over ridge, mean of ten seeds", ratio, low=1.2, high=2)
claim("share of seeds in which ridge wins", (dense[:, 1] < dense[:, 0]).mean(), low=0.8)

# %% [markdown]
# L1 is a bet on sparsity. A lost bet costs: lasso's test error is about half as large again.
#
# ### "L1 picks one of two correlated features"
#
# Two features are the same signal with a little noise (correlation above 0.99); $y$ is twice the
# signal plus noise of std 0.3. The story says: lasso keeps one and drops the other, ridge shares.

# %%
TWIN_LAMS = (0.02, 0.1, 0.3, 1.0, 2.0)
rng, again = (np.random.default_rng([SEED, 61]) for _ in range(2))  # the same signals in both
by_lam, twins_ridge = sparsity.twin_features(1000, rng, lams=TWIN_LAMS)
noisy, _ = sparsity.twin_features(1000, again, lams=[0.1], noise=1.0)
twins_lasso, twins_ridge = by_lam[1], twins_ridge[1]  # λ = 0.1
unequal = {
    name: np.abs(np.diff(pair, axis=1)[:, 0]) / np.abs(pair).sum(1)
    for name, pair in (("lasso", twins_lasso), ("ridge", twins_ridge))
}
dropped = (by_lam == 0).any(-1).mean(1)  # one per λ
print("share of 1000 data sets with an exact zero:")
for lam, part in zip(TWIN_LAMS, dropped, strict=True):
    print(f"  λ = {lam:g}: {part:.2f}")
claim("lasso, λ = 0.1: share of 1000 data sets with an exact zero", dropped[1], low=0.11,
      high=0.21)  # fmt: skip
claim("the same, λ = 1", dropped[3], low=0.76, high=0.87)
claim("the same, λ = 2", dropped[4], low=0.9)
often = (noisy == 0).any(-1).mean()
claim("the same, λ = 0.1 and noise of std 1", often, low=0.57, high=0.72)
typical = {name: np.median(values) for name, values in unequal.items()}
claim("lasso, λ = 0.1: median of |w₁ − w₂| / (|w₁| + |w₂|)", typical["lasso"], low=0.25, high=0.75)
claim("ridge: the same", typical["ridge"], high=0.05)

# %% [markdown]
# Ridge shares, as told. What lasso does depends on λ and on the noise. At λ = 0.1 it usually splits
# unevenly and drops a twin in about one data set in six. It drops one in four data sets of five at
# λ = 1, in nearly all at λ = 2; and at λ = 0.1 in nearly two of three when the noise has std 1.
#
# Go to the diamond with condition 100 and tilt 135: the valley lies along the edge, and the noise
# decides at which point of the edge you land. A smaller budget is a shorter edge: its end is soon
# reached.
#
# ### A network
#
# Digits again, 300 images, a network 64-100-10, L1 on its weights. In the loss (subgradient), or as
# a proximal step after each SGD update.

# %%
predict(
    "Almost half of the weights are exactly zero. What happens to the test accuracy?",
    ["it rises: less overfitting", "it stays within a percentage point", "it falls by more than 5"],
    answer=1,
    because="Most of these weights did little, so removing them costs tenths of a point at most in "
    "the mean. But neither does it help: here sparsity buys a smaller network, not a better one.",
)

# %%
LAMS = [0.0, 1e-3, 3e-3, 1e-2]
sparse = sparsity.sparse_networks(LAMS, seeds=SEEDS[:8], steps=500)
plots.show(shrinkage_plots.plot_sparse_networks(sparse, LAMS),
           alt="Left: with the subgradient no weight is ever exactly zero; with the proximal step "
           "the share of zeros rises to about 0.9. Right: each seed's accuracy changes little to "
           "λ = 0.003 and falls by about two percentage points at 0.01.")  # fmt: skip

# %%
gain = sparse["proximal"]["accuracy"] - sparse["proximal"]["accuracy"][0]  # paired, (λ, seeds)
claim("subgradient: share of exact zeros", sparse["subgradient"]["zeros"], low=0, high=0)
zeros = sparse["proximal"]["zeros"].mean(1)  # one per λ
claim("proximal, λ = 0.003: share of exact zeros", zeros[2], low=0.35, high=0.6)
claim("accuracy gained there, mean of eight seeds", gain[2].mean(), low=-0.01, high=0.008)
claim("proximal, λ = 0.01: share of exact zeros", zeros[3], low=0.8, high=0.95)
claim("accuracy gained there", gain[3].mean(), low=-0.04, high=-0.005)

# %% [markdown]
# Use L1 for a reason: you expect a sparse truth, or you want to read or to store fewer weights. It
# did not make our network better: at λ = 0.003 the mean accuracy changes by less than a percentage
# point, at 0.01 it falls. And if you want exact zeros, take the proximal step.

# %% [markdown]
# ## 7 Priors: where λ comes from · 10 minutes
#
# Bayes: what you believe about $w$ after the data (the *posterior*) is what you believed before
# (the *prior*) times how probable the data are for this $w$ (the *likelihood*). Let
# $y = Xw + \text{noise}$ of variance σ². The logarithm of the posterior is
#
# $$-\frac{1}{2\sigma^2}\|y-Xw\|^2 + \log p(w) + \text{const}.$$
#
# Its maximum is the **MAP** estimate (maximum a posteriori). Change the sign and multiply by
# σ²/n: the first term becomes the $\frac{1}{2n}\|y-Xw\|^2$ of section 5, the second a penalty.
#
# | prior of each weight | −log p(w) | penalty |
# |---|---|---|
# | Gaussian, variance τ² | $w^2/(2\tau^2)$ | L2 |
# | Laplace, scale b | $\lvert w\rvert/b$ | L1 |

# %% [markdown]
# ### Explore: prior, likelihood, posterior
#
# One weight, `n` observations of it with noise of variance 1. Start with the Laplace prior and move
# the mean of the data through zero: the mode sticks, the mean does not. The right panel is a curve
# that you have met.

# %%
prior_plots.explore_posterior()

# %%
mode, mean = prior_plots.summarize("Laplace", 0.3, np.array([0.6]), 4)[:, 0]
claim("Laplace prior: the posterior mode", mode, low=0, high=0)
claim("Laplace prior: the posterior mean", mean, low=0.15, high=0.25)
draws = np.random.default_rng([SEED, 71]).laplace(0, 0.3, 100_000)
claim("draws from the Laplace prior that are exactly zero", (draws == 0).sum(), low=0, high=0)

# %% [markdown]
# A warning with a number. The Laplace prior does *not* believe in zeros: none of its draws is one.
# The zero comes from taking the *mode*. The posterior mean has none.
#
# ### Exercise 02.6 · `map_lambda` · 1 point
#
# From a prior to λ. Return the λ of section 5's ridge (`kind="gaussian"`, where `scale` is the
# standard deviation τ) or lasso (`kind="laplace"`, where `scale` is b), for noise of variance
# `noise_var` and `n` examples.
#
# <details><summary>Hint 1</summary>
#
# Write the negative log posterior, and multiply it by σ²/n.
# </details>
# <details><summary>Hint 2</summary>
#
# Ridge has λ/2 before ‖w‖², and the Gaussian has 1/(2τ²): the halves cancel.
# </details>
# <details><summary>Hint 3</summary>
#
# A narrow prior, few examples and much noise all make λ larger. Check each of them.
# </details>


# %% exercise="02.6"
def map_lambda(kind: str, noise_var: float, scale: float, n: int) -> float:
    """The λ for which ridge ("gaussian") or lasso ("laplace") gives the MAP estimate.

    scale: the prior's standard deviation ("gaussian") or its b ("laplace"), positive.
    """
    ### BEGIN SOLUTION
    if kind == "gaussian":
        return noise_var / (n * scale**2)
    return noise_var / (n * scale)
    ### END SOLUTION


# %% check="02.6"
check("02.6", map_lambda)

# %% [markdown]
# Test it against the densities. For σ = 1, τ = 0.5, b = 0.05 and the 40 examples of section 5 you
# should get 0.1 for ridge and 0.5 for lasso. At ridge's solution the gradient of the log posterior
# must vanish. At lasso's it must vanish where $w_j\ne0$. Where $w_j=0$ the prior has a kink: there
# the gradient of the log likelihood must not exceed the prior's slope $1/b$.

# %%
SIGMA, TAU, B = 1.0, 0.5, 0.05
n = len(small.y)  # 40
try:
    print("yours:", map_lambda("gaussian", SIGMA**2, TAU, n), map_lambda("laplace", SIGMA**2, B, n))
except NotImplementedError:
    print("not attempted yet: map_lambda; going on with 0.1 and 0.5")
by_ridge = Ridge(alpha=n * 0.1, fit_intercept=False, solver="svd").fit(small.X, small.y)
by_lasso = Lasso(alpha=0.5, fit_intercept=False, tol=1e-12, max_iter=50_000)
found = torch.tensor(by_ridge.coef_, requires_grad=True)
noise = torch.distributions.Normal(torch.tensor(small.X) @ found, SIGMA)
prior = torch.distributions.Normal(0.0, TAU)
log_posterior = noise.log_prob(torch.tensor(small.y)).sum() + prior.log_prob(found).sum()
(slope,) = torch.autograd.grad(log_posterior, found)
claim("Gaussian prior: slope of the log posterior at ridge's w", slope.abs().max(), high=1e-6)
coef = by_lasso.fit(small.X, small.y).coef_
likelihood_slope = small.X.T @ (small.y - small.X @ coef) / SIGMA**2
pulls = np.abs(likelihood_slope) * B
claim("Laplace prior: likelihood's slope times b where w = 0", pulls[coef == 0], high=1)
claim("the same where w ≠ 0", pulls[coef != 0], low=0.999, high=1.001)

# %% [markdown]
# ## 8 A λ for each layer? · 5 minutes
#
# Layers differ in width and in typical weight size, so it seems natural to give each its own λ. In
# a ReLU network the layers are not separate, though: multiply the first and its biases by
# $\alpha>0$, divide the weights of the second by $\alpha$, and the network computes the same. Only
# the penalty notices, where $\|W\|^2$ is the sum of the squares of all entries:
#
# $$\tfrac{\lambda_1}2\alpha^2\|W_1\|^2 + \tfrac{\lambda_2}2\alpha^{-2}\|W_2\|^2
# \;\ge\; \sqrt{\lambda_1\lambda_2}\;\|W_1\|\,\|W_2\| .$$
#
# The optimum takes the best α, the right side. It depends on the *product* λ₁λ₂ only.

# %%
net = nets.MLPs([64, 50, 10], seeds=[SEED])
images = torch.rand(100, 64, generator=torch.Generator().manual_seed(SEED))
size1, size2 = (float(w.detach().double().square().sum()) for w in net.weights)
absolute1 = float(net.weights[0].detach().double().abs().sum())
alphas = np.geomspace(0.01, 100, 10_001)
least = {
    pair: (pair[0] / 2 * alphas**2 * size1 + pair[1] / 2 / alphas**2 * size2).min()
    for pair in ((1.0, 1.0), (4.0, 0.25), (0.1, 10.0))
}
with torch.no_grad():
    before = net(images)
    for parameter, factor in ((net.weights[0], 3), (net.biases[0], 3), (net.weights[1], 1 / 3)):
        parameter.mul_(factor)
    claim("largest change of an output for α = 3", (net(images) - before).abs().max(), high=1e-4)
ratios = np.array(list(least.values())) / np.sqrt(size1 * size2)
claim("least penalty over the bound, three pairs with λ₁λ₂ = 1", ratios, low=1, high=1.001)
mixed = [
    (lam1 * alphas * absolute1 + lam2 / 2 / alphas**2 * size2).min()
    for lam1, lam2 in ((1.0, 1.0), (2.0, 0.25), (0.5, 4.0))
]
claim("L1 in the first layer, L2 in the second: least penalty, three pairs with λ₁²λ₂ = 1, "
      "largest over smallest", max(mixed) / min(mixed), low=1, high=1.001)  # fmt: skip

# %% [markdown]
# So with one hidden layer of ReLUs and free biases, two λs say no more about the *function* at the
# optimum than one. Nor do they with L1 in one layer and L2 in the other: there it is λ₁²λ₂ that
# counts. They still change the path of training, and they do say something for activations that
# cannot be rescaled (tanh, sigmoid), or when a layer is frozen. In PyTorch: parameter groups, each
# with its own `weight_decay`.

# %% [markdown]
# ## Summary
#
# - One more parameter cannot raise the training error of least squares; the gap depends on model
#   *and* data.
# - A penalty λ is a budget s. L1's budget has corners on the axes: a zero needs an inequality. L2's
#   has none: a zero needs an equality.
# - Subgradient descent hovers around zero in a band as wide as its steps. Soft-thresholding
#   arrives.
# - L1 subtracts, L2 scales. Gaussian prior and L2, Laplace prior and L1 give the same optimum.
# - L1 pays when the truth is sparse. It loses when it is dense, and in our network it buys zeros,
#   not accuracy.
#
# ## Where textbooks disagree
#
# - *"Too many parameters overfit."* Almost 100 parameters per image, and with true labels the
#   validation loss does not turn up in 300 steps. With wrong ones it does (section 1).
# - *"L1 makes the weights zero."* Not with gradient descent, nor with Adam: no exact zero. It
#   takes the proximal step (sections 4 and 6).
# - *"L1 picks one of two correlated features."* It depends on λ and on the noise: an exact zero in
#   about one of six data sets at λ = 0.1, in nearly all at λ = 2 (section 6).
# - *"Cross-validated lasso finds the relevant features."* All 20, together with about 50
#   irrelevant ones (section 6).
# - *"Sparsity improves generalization."* Digits: almost half of the weights zero, the
#   mean accuracy within a point. Dense truth: ridge wins (section 6).
# - *"A Laplace prior expects sparse weights."* Its draws are never zero. The posterior mode can
#   be, the posterior mean is not (section 7).
# - *"Give each layer its own λ."* With one hidden ReLU layer only the product of the two λs
#   matters for the optimum (section 8).
#
# ## References
#
# - A. E. Hoerl, R. W. Kennard (1970). Ridge regression: biased estimation for nonorthogonal
#   problems. *Technometrics* 12.
# - R. Tibshirani (1996). Regression shrinkage and selection via the lasso. *Journal of the Royal
#   Statistical Society B* 58.
# - I. Daubechies, M. Defrise, C. De Mol (2004). An iterative thresholding algorithm for linear
#   inverse problems with a sparsity constraint. *Comm. on Pure and Applied Mathematics* 57.
# - J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra (2008). Efficient projections onto the
#   ℓ1-ball for learning in high dimensions. *ICML*.
# - A. Beck, M. Teboulle (2009). A fast iterative shrinkage-thresholding algorithm for linear
#   inverse problems. *SIAM Journal on Imaging Sciences* 2.
# - P. J. Bickel, Y. Ritov, A. B. Tsybakov (2009). Simultaneous analysis of lasso and Dantzig
#   selector. *Annals of Statistics* 37.
# - B. Neyshabur, R. Tomioka, N. Srebro (2015). In search of the real inductive bias: on the role of
#   implicit regularization in deep learning. *ICLR workshop*.
# - C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals (2017). Understanding deep learning requires
#   rethinking generalization. *ICLR*.

# %%
progress("02")
