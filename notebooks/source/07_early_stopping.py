# %% [markdown]
# # 07 Early stopping: the cheapest regularizer
#
# *75 minutes. Builds on lesson 02 (ridge), lesson 03 (weight decay) and label noise (lesson 01).*
#
# After this lesson you will be able to
# - read a validation curve: what rises, what falls, and which of it matters;
# - write patience and min_delta, and choose them by the regret they cause on noisy curves;
# - restore the best weights, and avoid the copy that is none;
# - say how early stopping limits where the weights can go, and how near that is to ridge;
# - weigh what a validation set costs against what it saves.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import copy
import sys

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from tqdm import tqdm

from helpers import SEED, check, claim, descent, nets, plots, predict, progress, stopping
from helpers.plots.descent import explore_paths, plot_twins
from helpers.plots.stopping import (
    explore_rule,
    explore_walk,
    plot_patience,
    plot_price,
    plot_u,
)

# %% [markdown]
# ## 1 The U · 10 minutes
#
# 300 digits with noisy pixels. 30 % of the *training* labels are wrong. A network with four hidden
# layers trains until it knows every one of them by heart. After each epoch we look at 100
# validation images with right labels.

# %%
predict(
    "Now the same network on right labels only. It reaches a training loss of nearly zero. "
    "What do validation loss and test accuracy do late in training?",
    ["both get worse", "both stay at their best", "the loss gets worse, the accuracy does not",
     "the accuracy gets worse, the loss does not"],
    answer=2,
    because="The network grows ever more certain, also where it is wrong, and cross-entropy "
    "punishes certain errors without limit. Its guesses hardly change any more.",
)  # fmt: skip

# %%
EPOCHS, seeds = 60, range(100 * SEED, 100 * SEED + 20)
with tqdm(total=EPOCHS + 1, desc="25 networks", file=sys.stdout, mininterval=1) as bar:
    noisy, clean = stopping.deep_runs(seeds, epochs=EPOCHS, n_clean=5, tick=bar.update)
fig = plot_u({"30 % of the labels wrong": noisy, "right labels": clean}, n_val=100)
plots.show(fig, alt="Loss and test accuracy over 60 epochs, with 30 % wrong labels and with right "
           "ones. Training loss falls to zero in both. Validation loss falls, then rises; test "
           "accuracy falls with it under wrong labels only.")  # fmt: skip

# %%
losses = noisy.curves(100)  # (T, S): validation loss on 100 images after each epoch
run = np.arange(losses.shape[1])
lowest = losses.argmin(0)  # (S,): the epoch of the lowest validation loss
fallen = noisy.accuracy[lowest, run] - noisy.accuracy[-1]
rise = losses[-1] / losses.min(0)
claim("wrong labels: last validation loss over the lowest, mean", rise.mean(), low=1.5, high=2.5)
claim("the same, in every run", rise, low=1.05)
claim("wrong labels: test accuracy lost by the end, mean", fallen.mean(), low=0.05, high=0.13)
right = clean.curves(100)
rise = right[-1] / right.min(0)
lost = clean.accuracy[right.argmin(0), run[:5]] - clean.accuracy[-1]
claim("right labels: last validation loss over the lowest, mean", rise.mean(), low=1.15, high=2.6)
claim("right labels: test accuracy lost by the end, mean", lost.mean(), low=-0.025, high=0.01)

# %% [markdown]
# Two different illnesses show the same U. With wrong labels the network first learns the digits and
# then the errors: stopping in time saves about eight points. With right labels only the *certainty*
# goes wrong: stopping saves nothing that accuracy can see.
#
# So the U of the loss alone does not tell you what there is to gain.
#
# ## 2 A rule for stopping · 20 minutes
#
# In the figure you see the whole curve. While training runs, you see its left part only, and it is
# noisy. A rule must decide from there. The usual one has two numbers.
#
# - An epoch is **better** when its loss is below the best so far by more than `min_delta`.
# - Training stops when `patience` epochs have passed since the best one.

# %%
predict(
    "“Stop as soon as the validation loss goes up”: patience 1. The best epoch is near 30. "
    "Where does this rule stop, on average?",
    ["at about epoch 5 to 18", "at about epoch 28 to 32", "at about epoch 40 to 50"],
    answer=0,
    because="The curve of 100 images is noisy. One chance upward step on the long way down is "
    "enough, and there are many chances.",
)

# %% [markdown]
# ### Exercise 07.1 · `early_stop` · 2 points
# `losses` is the whole curve, a float array of length $n \ge 1$; epoch 0 is its first entry.
# Epoch 0 is the best to begin with. Later an epoch $t$ becomes the best one when
# `losses[t] < losses[best] - min_delta` (strictly; else it is not better).
#
# Training stops at the first epoch $t$ with $t - \text{best} \ge$ `patience`. If that never
# happens, it stops at the last epoch, $n-1$. Return the tuple `(stop, best)`: two integers. With a
# `min_delta` the best epoch may differ from that of the lowest loss: it is the one that patience
# is counted from.
#
# <details><summary>Hint 1</summary>
#
# Walk through the epochs in order and remember one number only: the best epoch so far.
#
# </details>
# <details><summary>Hint 2</summary>
#
# In each epoch ask two things, in this order: is it better? If not: has patience run out?
#
# </details>
# <details><summary>Hint 3</summary>
#
# `return t, best` inside the loop ends it; behind the loop comes the case that never stopped.
#
# </details>


# %% exercise="07.1"
def early_stop(losses, patience, min_delta):
    """Where training stops and which epoch was best by then: (stop, best), two ints.

    losses: (n,) validation loss after each epoch; patience: int >= 1; min_delta >= 0.
    """
    ### BEGIN SOLUTION
    best = 0
    for t, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = t
        elif t - best >= patience:
            return t, best
    return len(losses) - 1, best
    ### END SOLUTION


# %% check="07.1"
check("07.1", early_stop)

# %% [markdown]
# PyTorch has no early stopping, but its scheduler `ReduceLROnPlateau` counts the same way. The
# lesson uses that counter from here on. Yours should agree with it on all 20 curves.

# %%
ruled = stopping.judge_rule(noisy, losses, patience=5)
try:
    mine = [early_stop(curve, 5, 0.0) for curve in losses.T]
    same = [pair == (s, b) for pair, s, b in zip(mine, ruled.stop, ruled.best, strict=True)]
    print(f"early_stop agrees with PyTorch's counter on {sum(same)} of {len(same)} curves")
except NotImplementedError:
    print("not attempted yet: early_stop; going on with PyTorch's counter")

# %% [markdown]
# ### Explore: design a rule
#
# Left: one run. You see the strong part of the curve; the pale part is the future. Right: what the
# rule costs over ten runs. **Regret** is the best test accuracy of a run in hindsight, less that of
# the restored weights.
#
# Find a patience and a min_delta with little regret *and* few epochs. Then take 20 validation
# images instead of 100. What must change? And what does min_delta 0.1 do with a short patience?

# %%
explore_rule(noisy.part(slice(0, 10)))

# %% [markdown]
# Now write your rule down, and test it on **ten other runs**. A rule that was tuned on ten curves
# looks better on these than it is: the same trap as a validation set that was looked at too often.

# %%
my_patience, my_min_delta = 1, 0.0  # ← your rule

rules = {"yours": (my_patience, my_min_delta), "patience 3": (3, 0.0), "patience 10": (10, 0.0)}
halves = {"tuned on": slice(0, 10), "new": slice(10, 20)}
for name, (patience, min_delta) in rules.items():
    for half, part in halves.items():
        o = stopping.judge_rule(
            noisy.part(part), losses[:, part], patience=patience, min_delta=min_delta
        )
        mean, worst = 100 * o.regret.mean(), 100 * o.regret.max()
        print(f"{name:12} {half:9} runs: {o.stop.mean():5.1f} epochs, "
              f"regret {mean:5.1f} points, worst {worst:3.0f}")  # fmt: skip

# %% [markdown]
# ### What patience costs
#
# Four rules on all 20 runs. Dots are runs, bars are means. Keep this figure: the written question
# is about it.

# %%
outcomes = {p: stopping.judge_rule(noisy, losses, patience=p) for p in (1, 2, 5, 20)}
plots.show(plot_patience(outcomes), alt="; ".join(
    f"patience {p}: {o.stop.mean():.0f} epochs, test accuracy restored {o.restored.mean():.2f} "
    f"(worst {o.restored.min():.2f}), at the stop {o.last.mean():.2f}" for p, o in outcomes.items()
))  # fmt: skip

# %%
one, five, twenty = (outcomes[p] for p in (1, 5, 20))
claim("patience 1 stops at epoch, mean", one.stop.mean(), low=10, high=18)
claim("patience 5 stops at epoch, mean", five.stop.mean(), low=26, high=34)
claim("patience 20 stops at epoch, mean", twenty.stop.mean(), low=44, high=54)
gain = five.restored - one.restored
claim("patience 5 less patience 1, restored: mean test accuracy", gain.mean(), low=0.06, high=0.25)
claim("patience 1: the worst run's test accuracy", one.restored.min(), high=0.55)
claim("patience 5: the worst run's test accuracy", five.restored.min(), low=0.54)
gain = twenty.restored - five.restored
claim("patience 20 less patience 5, restored: mean", gain.mean(), low=-0.025, high=0.02)
coarse = stopping.judge_rule(noisy, losses, patience=5, min_delta=0.1)
gain = coarse.restored - five.restored
claim("patience 5: min_delta 0.1 less min_delta 0, mean", gain.mean(), low=-0.25, high=-0.015)

# %% [markdown]
# Impatience is expensive: patience 1 gives away about ten points or more, and single runs much
# more. From 5 on, patience buys nothing but epochs.
#
# min_delta 0.1 costs accuracy again, and can even end a run near chance level. This deep network
# starts on a plateau: its loss falls, but by less than 0.1 in five epochs. min_delta has the units
# of *your* loss, and asks how much must be gained within `patience` epochs: choose them together.
#
# ### Would a smoother curve help?
#
# The noise makes us stop too early. So average the last epochs first?

# %%
predict(
    "Patience 5, once on the raw curve, once on the mean of the last five epochs. Which restores "
    "the better weights?",
    ["smoothed, clearly", "raw, or no clear difference", "smoothing makes it as bad as patience 1"],
    answer=1,
    because="Patience already ignores single bad epochs. A mean over the past is late: its lowest "
    "point lies behind that of the curve, and there the weights are worse.",
)

# %% [markdown]
# ### Exercise 07.2 · `smooth` · 1 point
# Return the curve smoothed by a *trailing* mean, of the same length: entry $t$ is the mean of the
# last `window` losses up to and including epoch $t$. At the beginning, where there are fewer,
# average those that there are.
#
# <details><summary>Hint 1</summary>
#
# Nothing from the future: entry 0 is always `losses[0]`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The window begins at `t - window + 1`, but not before 0. A slice excludes its end.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `losses[max(0, t - window + 1) : t + 1].mean()` for every `t`, in an array.
#
# </details>


# %% exercise="07.2"
def smooth(losses, window):
    """The trailing mean of a curve: an array of the same length.

    losses: (n,) floats; window: int >= 1, which may be longer than the curve.
    """
    ### BEGIN SOLUTION
    return np.array([losses[max(0, t - window + 1) : t + 1].mean() for t in range(len(losses))])
    ### END SOLUTION


# %% check="07.2"
check("07.2", smooth)

# %% [markdown]
# SciPy's `uniform_filter1d` shifted by two epochs does the same (it repeats the first loss where
# the window is not full).

# %%
means = uniform_filter1d(losses, 5, axis=0, mode="nearest", origin=2)  # of epochs t − 4 … t
assert np.allclose(means[10], losses[6:11].mean(0))
calm = stopping.judge_rule(noisy, means, patience=5)
delay = calm.best - five.best
claim("smoothed: the best epoch comes later by, mean", delay.mean(), low=0.5, high=6)
gain = (calm.restored - five.restored).mean()
claim("smoothed less raw, patience 5: mean test accuracy", gain, low=-0.06, high=0.015)
hits = noisy.val_hits[:, :, :100].mean(2)
picked = hits.argmax(0)
claim("share of runs where accuracy picks another epoch", (picked != lowest).mean(), low=0.4)
gain = (noisy.accuracy[picked, run] - noisy.accuracy[lowest, run]).mean()
claim("picked by accuracy less by loss: mean test accuracy", gain, low=-0.04, high=0.03)

# %% [markdown]
# Smoothing does not help here, and often costs a point or two. If the curve is too noisy, more
# validation images help; a longer patience does, too.
#
# The last two claims are about *what to monitor*. Validation accuracy and validation loss pick
# different epochs in about half the runs or more, and neither is clearly better. Accuracy has many
# ties: 100 images know 101 values only.
#
# ## 3 Best weights restored · 15 minutes
#
# When patience runs out, the weights are `patience` steps past the best ones. Go back.

# %%
gain = twenty.restored - twenty.last
claim("patience 20: restored less not restored, mean", gain.mean(), low=0.04, high=0.15)
claim("patience 20: share of runs where restoring helps", (gain > 0).mean(), low=0.7)

# %% [markdown]
# So the order is: be patient, *then* go back. Patience without restoring is the worst of both: it
# pays for twenty epochs of harm.
#
# And there is a trap. In PyTorch `model.state_dict()` does not copy.

# %%
predict(
    "best = model.state_dict() at the best epoch; training goes on; then "
    "model.load_state_dict(best). Which weights do you have?",
    ["those of the best epoch", "those of the last epoch", "an error is raised"],
    answer=1,
    because="The dict holds references to the very tensors that the optimizer changes in place. "
    "You load the last weights over themselves. Write copy.deepcopy(model.state_dict()).",
)

# %%
model = nets.MLPs((4, 3, 2), seeds=[SEED])
kept, copied = model.state_dict(), copy.deepcopy(model.state_dict())
sgd = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(1, 5, 4)).sum().backward()  # its gradient moves at least the last bias
sgd.step()
moved = {name: (old["biases.1"] - model.biases[1]).abs().max()
         for name, old in (("kept", kept), ("copied", copied))}  # fmt: skip
claim("state_dict() after a step: distance from the new weights", moved["kept"], high=0.0)
claim("deepcopy(state_dict()): distance from the new weights", moved["copied"], low=1e-3)

# %% [markdown]
# ### Exercise 07.3 · `fit_early_stopping` · 2 points
# Train a linear model $\hat y = Xw$ by gradient descent on all examples, and return the weights
# with the lowest validation loss.
#
# - Start at $w = 0$. One step is $w \leftarrow w - \eta\,\frac1n X^\top(Xw - y)$, the gradient of
#   the mean of ½(error)² over the $n$ training examples. No intercept.
# - The validation loss is the mean squared error on `X_val`, `y_val`. The start counts: it is the
#   best until a step is strictly lower.
# - Stop after `max_steps` steps, or as soon as `patience` steps in a row were not better.
#
# <details><summary>Hint 1</summary>
#
# Remember three things: the best weights, their loss, and how many steps since then.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `w -= …` changes the array in place, and whatever else is a name for it. `w = w - …` makes a new
# one.
#
# </details>
# <details><summary>Hint 3</summary>
#
# In each step: move, compute the loss, then either store weights and loss and set the counter to 0,
# or add 1 to it and `break` at patience.
#
# </details>


# %% exercise="07.3"
def fit_early_stopping(X, y, X_val, y_val, lr, max_steps, patience):
    """The weights (d,) with the lowest validation loss before patience runs out.

    X: (n, d), y: (n,), X_val: (m, d), y_val: (m,); lr > 0; max_steps, patience: int >= 1.
    """
    ### BEGIN SOLUTION
    w = np.zeros(X.shape[1])
    best, best_loss, waited = w, np.mean((X_val @ w - y_val) ** 2), 0
    for _ in range(max_steps):
        w = w - lr * X.T @ (X @ w - y) / len(y)
        loss = np.mean((X_val @ w - y_val) ** 2)
        if loss < best_loss:
            best, best_loss, waited = w, loss, 0
        else:
            waited += 1
            if waited >= patience:
                break
    return best
    ### END SOLUTION


# %% check="07.3"
check("07.3", fit_early_stopping)

# %% [markdown]
# ## 4 How far can the weights go? · 10 minutes
#
# Why does stopping regularize at all? Because a walk of $t$ steps cannot go far:
#
# $$\lVert w_t - w_0\rVert \;\le\; \eta \sum_{s<t} \lVert \nabla L(w_s)\rVert .$$
#
# Distance from the start is the limited resource. Steps are only one way to spend it.

# %%
predict(
    "You halve the learning rate and double the number of steps. How far from the start are the "
    "weights, compared with before?",
    ["half as far", "about as far", "twice as far"],
    answer=1,
    because="While the steps are small, the path hardly depends on how finely it is cut. What "
    "counts is η times the number of steps.",
)

# %% [markdown]
# ### Explore: distance as a budget
#
# Networks 64-64-10, 30 % wrong labels, three learning rates; every seed has the same start, data
# and batches at all three. The slider is the distance you allow.
#
# Where is each of them when it has spent it? How accurate is it there? Then switch the axis.

# %%
walks = stopping.walk((0.04, 0.02, 0.01), seeds=range(100 * SEED, 100 * SEED + 5), steps=1200)
explore_walk(walks)

# %%
at = [list(walks.steps).index(step) for step in (300, 600, 1200)]  # η·t = 12 in all three
far = np.array([walks.distance[i, k] for k, i in enumerate(at)])  # (3, S)
good = np.array([walks.accuracy[i, k] for k, i in enumerate(at)])
claim("same η·t: largest over smallest mean distance", np.ptp(far.mean(1)) / far.mean(), high=0.06)
claim("same η·t: range of the mean test accuracy", np.ptp(good.mean(1)), high=0.07)
claim("four times the steps: distance grows by", walks.distance[-1, 0] / far[0], low=1.8, high=2.6)
peak = walks.accuracy[:, 0].mean(1)
claim("η = 0.04: best mean test accuracy less the last", peak.max() - peak[-1], low=0.02, high=0.12)

# %% [markdown]
# Over η × steps the three curves are one. The accuracy at a given distance is nearly the same too.
# The distance grows slower than the steps: about as their square root.
#
# That is a regularizer: it says *stay near the start*. Ridge says *stay near zero*. For a start
# near zero, or for a linear model that starts at zero, these are two ways to say the same. How near
# to each other are they?
#
# ## 5 Stopping and ridge on a bowl · 25 minutes
#
# Near a minimum every smooth loss is a bowl, $\frac12(w-w^*)^\top H\,(w-w^*)$. Along an eigenvector
# of $H$ with eigenvalue λ, one step multiplies what is missing by $1-\eta\lambda$:
#
# $$w_t - w^* = (1-\eta\lambda)\,(w_{t-1} - w^*), \qquad w_0 = 0 .$$
#
# So the share of $w^*$ that is reached depends on λ: a **filter**. Steep directions come first.
#
# ### Exercise 07.4 · `gd_filter` · 1 point
# `eigenvalues` is an array of λ ≥ 0. Return the share of $w^*$ that gradient descent from zero has
# reached in each direction after `steps` steps: $w_t = \text{share}\cdot w^*$.
#
# <details><summary>Hint 1</summary>
#
# After $t$ steps, $(1-\eta\lambda)^t$ of the way is still missing.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Reached is what is not missing. Test: no steps, 0; η = 1, λ = 1, one step: 1.
#
# </details>
# <details><summary>Hint 3</summary>
#
# One line with `**`. It works for arrays, and also where $1-\eta\lambda$ is negative.
#
# </details>


# %% exercise="07.4"
def gd_filter(eigenvalues, lr, steps):
    """The share of the optimum reached in each direction: an array like eigenvalues.

    eigenvalues: (d,) >= 0; lr > 0; steps: int >= 0.
    """
    ### BEGIN SOLUTION
    return 1 - (1 - lr * eigenvalues) ** steps
    ### END SOLUTION


# %% check="07.4"
check("07.4", gd_filter)

# %% [markdown]
# Now ridge. Add $\frac{\alpha}{2}\lVert w\rVert^2$ to the bowl and set the gradient to zero. Along
# an eigenvector:
#
# $$\lambda\,(w - w^*) + \alpha\,w = 0 .$$
#
# ### Exercise 07.5 · `ridge_filter` · 1 point
# Return the share of $w^*$ that ridge lets through in each direction.
#
# <details><summary>Hint 1</summary>
#
# Solve the equation above for $w$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Collect $w$: $(\lambda+\alpha)\,w = \lambda\,w^*$.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Tests: λ = 0 gives 0, λ = α gives a half, a huge λ gives nearly 1.
#
# </details>


# %% exercise="07.5"
def ridge_filter(eigenvalues, alpha):
    """The share of the optimum that ridge keeps in each direction: an array like eigenvalues.

    eigenvalues: (d,) >= 0; alpha > 0, the strength of (alpha/2)·‖w‖².
    """
    ### BEGIN SOLUTION
    return eigenvalues / (eigenvalues + alpha)
    ### END SOLUTION


# %% check="07.5"
check("07.5", ridge_filter)

# %% [markdown]
# Both filters rise from 0 to 1 with λ. Which α belongs to which $t$? Make them agree where they
# decide most: in the flat directions, λ → 0. There $(1-\eta\lambda)^t \approx 1 - \eta\lambda t$.
#
# ### Exercise 07.6 · `equivalent_alpha` · 1 point
# Return the α for which both filters have the same slope at λ = 0.
#
# <details><summary>Hint 1</summary>
#
# For small λ: what is the filter of gradient descent, to first order in λ?
#
# </details>
# <details><summary>Hint 2</summary>
#
# For small λ the filter of ridge is about λ/α.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Equate $\eta\lambda t = \lambda/\alpha$. Test: twice the steps must give half the α.
#
# </details>


# %% exercise="07.6"
def equivalent_alpha(lr, steps):
    """The ridge strength α that matches a number of steps: a float.

    lr > 0; steps: int >= 1.
    """
    ### BEGIN SOLUTION
    return 1 / (lr * steps)
    ### END SOLUTION


# %% check="07.6"
check("07.6", equivalent_alpha)

# %%
predict(
    "Early stopping and ridge with this α: how far apart are the two filters at most, over all λ? "
    "(Small η; a share of 1 is the whole way.)",
    ["0: it is an identity", "about 0.02", "about 0.2", "about 0.5"],
    answer=2,
    because="They touch at λ → 0 and meet again at λ → ∞. Between, gradient descent is ahead: "
    "1 − exp(−x) against x/(1 + x), with x = ηλt. The largest gap is 0.20, near x = 2.5.",
)

# %%
x = np.linspace(0, 20, 20001)  # ηλt
gap = -np.expm1(-x) - x / (1 + x)
claim("largest gap of the two filters, small η", gap.max(), low=0.203, high=0.205)
claim("at ηλt", x[gap.argmax()], low=2.4, high=2.6)
claim("ridge is never ahead", gap, low=0.0)
left = descent.descend(np.eye(1), np.ones(1), lr=1.0, steps=1)[1, 0] - 1 / (1 + 1.0)
claim("one step with ηλ = 1: the gap", left, low=0.5, high=0.5)

# %% [markdown]
# ### Explore: two paths to one optimum
#
# Play the steps. Blue walks, orange is solved: all ridge solutions from α = ∞ to 0. The black line
# joins the two at α = 1/(ηt). The green circle is what the walk has spent.
#
# 1. With λ₁/λ₂ = 1 the *paths* are the same line. Are the *points* the same?
# 2. At which steps are the points farthest apart for 30? Does the nearest α help?
# 3. ηλ₁ = 1.7: can any α follow that path?

# %%
explore_paths()

# %% [markdown]
# ### And on digits?
#
# Linear models on one-hot labels, η = 1/λ₁, eight seeds: 1 to 16384 steps, and ridge with
# $\alpha=1/(\eta t)$ beside each. How far are the weights apart? Do they guess the same digit?

# %%
eight = range(100 * SEED, 100 * SEED + 8)
settings = {"right labels": (0.0, 0.0), "30 % wrong": (0.3, 0.2)}  # label noise, pixel noise
twins = {
    name: descent.compare_paths(
        eight, n_train=300, label_noise=labels, pixel_noise=pixels, doublings=14
    )
    for name, (labels, pixels) in settings.items()
}
plots.show(plot_twins(twins), alt="Weights of gradient descent and ridge are 40 % apart at the "
           "first step, less later; about nine in ten guesses or more are equal at every step; "
           "with wrong labels both accuracies peak early and then fall.")  # fmt: skip

# %%
for name, pair in twins.items():
    best, k = pair.error[0].argmin(0), np.arange(8)  # chosen on validation images
    claim(f"{name}: weights apart after one step", pair.gap[0], low=0.36, high=0.46)
    claim(f"{name}: weights apart at the best step, mean", pair.gap[best, k].mean(), low=0.14,
          high=0.24)  # fmt: skip
    claim(f"{name}: equal guesses there, mean", pair.same[best, k].mean(), low=0.955, high=0.995)
    claim(f"{name}: equal guesses, the worst number of steps", pair.same.mean(1).min(), low=0.88,
          high=0.97)  # fmt: skip
ahead = twins["right labels"].lead(by_error=True).mean()
claim("right labels: accuracy of descent less ridge, mean", ahead, low=-0.01, high=0.01)
ahead = twins["30 % wrong"].lead(by_error=True).mean()
claim("wrong labels: the same, both stopped by validation error", ahead, low=0.01, high=0.05)
ahead = twins["30 % wrong"].lead(by_error=False).mean()
claim("wrong labels: the same, both stopped by validation accuracy", ahead, low=-0.01, high=0.03)

# %% [markdown]
# So: **a good approximation for predictions, a poor one for weights.** At the best step the weights
# are about 20 % apart, and about 97 % or more of the guesses agree. With right labels both are
# equally accurate.
#
# With wrong labels stopping is ahead by about two points when both are chosen by validation error;
# chosen by validation accuracy, half of that lead or more is gone. Its filter is steeper: it goes
# nearly all the way in the few strong directions while the weak ones, full of noise, have hardly
# begun.
#
# ## 6 What a validation set costs · 10 minutes
#
# Examples that decide when to stop do not train. You have 300 labels, 30 % of them wrong; those
# that you hold out are no better.

# %%
predict(
    "300 labels, 30 % wrong. Linear model, stopped by the held-out part. Which share do you "
    "hold out?",
    ["3 to 10 %", "20 to 30 %", "50 %", "none: train on all of them to the end"],
    answer=0,
    because="A handful of noisy labels finds a step that is good enough: the bottom of the U is "
    "flat. Every label more is one that does not train. But no validation at all costs most.",
)

# %%
shares = (0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
price = descent.price_of_validation(shares, seeds=range(100 * SEED, 100 * SEED + 20))
plots.show(plot_price(price), alt="Test accuracy over the share held out: falls from about 0.78 to "
           "about 0.61 when stopped only, stays near 0.79 when retrained on everything; without "
           "stopping about 0.65.")  # fmt: skip

# %%
stopped = dict(zip(shares, price.stopped, strict=True))
gain = stopped[0.1] - price.to_the_end
claim("10 % held out against no stopping: gain, mean", gain.mean(), low=0.09, high=0.18)
claim("10 % held out less 50 %: mean", (stopped[0.1] - stopped[0.5]).mean(), low=0.05, high=0.12)
claim("3 % less 10 %: mean", (stopped[0.03] - stopped[0.1]).mean(), low=-0.03, high=0.02)
again = price.retrained - price.stopped
claim("20 % held out: gain by retraining on everything", again[3].mean(), low=0.01, high=0.04)
claim("70 % held out: gain by retraining on everything", again[6].mean(), low=0.1, high=0.22)

# %% [markdown]
# A tenth is plenty here: with 30 labels, nine of them wrong, stopping gains more than ten points.
# Most of the price can be taken back: note the best number of steps, and **train again on
# everything for as many**. That costs a second training, and nobody watches it.
#
# Two prices remain. The retrained model has no validation score. And a set that has chosen the
# epoch (and the patience, and λ, …) is not fit to report the accuracy: that needs a test set.
#
# ### Written question 07.w · 2 points
# Look at the figure *What patience costs*. Compare patience 1 and patience 20 with the best weights
# restored, and patience 20 without restoring: what does each cost, on average and in the worst run?
# Name a case in which you would choose each of the first two, or say why there is none.

# %% [markdown] written="07.w"
# ### BEGIN SOLUTION
# Patience 1 costs few epochs (about 13) and much accuracy: 0.5 to 0.6 instead of 0.7 on average,
# and its worst run is below 0.5, since one chance increase on the way down ends it. Patience 20
# costs about 50 epochs, 20 of them after the best one, and with the best weights restored loses
# nothing against the best rule; its worst run is near 0.63. Without restoring it loses about nine
# points: it pays for 20 epochs of memorizing wrong labels.
#
# If one run is made and its result is used, 35 epochs more for ten points is a bargain: patience
# 20 (or 5 to 10, which is as good and cheaper). Patience 1 has no good case here; it could be
# defended where epochs are so expensive that hundreds of settings are only ranked roughly, or where
# the curve has nearly no noise (a large validation set). Even then patience 3 costs
# ten epochs more and removes most of the risk.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# - With wrong labels the network learns digits first and errors later: validation loss and test
#   accuracy turn. With right labels the loss turns, too, but the accuracy does not.
# - Patience counts epochs since the best one. Too little costs accuracy and reliability, too much
#   costs epochs only, *if* the best weights are restored (and really copied).
# - min_delta is in units of the loss. A large one with a short patience ends on the first plateau.
# - Stopping limits η × steps, and so the distance from the start.
# - On a bowl it is a filter much like ridge with α = 1/(ηt): near in predictions, not in weights.
# - Hold out little, then retrain on everything.
#
# ## Where textbooks disagree
#
# - *"Stop when the validation error begins to rise."* That is patience 1: it gives away the most
#   accuracy of all rules here (section 2).
# - *"Smooth the curve before you decide."* With patience 5 no gain; the mean of the past is late
#   (section 2).
# - *"A rising validation loss means the classifier gets worse."* With right labels its accuracy
#   stays (section 1).
# - *"Monitor loss"* or *"monitor accuracy"*. They often pick different epochs; neither is clearly
#   better here (section 2).
# - *"Early stopping is L2 regularization with α = 1/(ηt)."* The filters differ by up to 0.20, or
#   0.5 with large steps; weights on digits by up to 40 % (section 5).
# - *"… so it gives the same model."* About 97 % of the guesses or more are equal; with wrong
#   labels stopping was more accurate than ridge when both go by validation error (section 5).
# - *"Hold out 20 to 30 %."* For stopping alone a tenth or less was enough (section 6).
#
# ## References
#
# - L. Prechelt (1998). Early stopping – but when? In *Neural Networks: Tricks of the Trade*.
#   Springer.
# - C. M. Bishop (1995). Regularization and complexity control in feed-forward networks. *ICANN*.
# - J. Sjöberg, L. Ljung (1995). Overtraining, regularization and searching for a minimum, with
#   application to neural networks. *International Journal of Control* 62(6).
# - Y. Yao, L. Rosasco, A. Caponnetto (2007). On early stopping in gradient descent learning.
#   *Constructive Approximation* 26(2).
# - A. Ali, J. Z. Kolter, R. J. Tibshirani (2019). A continuous-time view of early stopping for
#   least squares regression. *AISTATS*.
# - M. Li, M. Soltanolkotabi, S. Oymak (2020). Gradient descent with early stopping is provably
#   robust to label noise for overparameterized neural networks. *AISTATS*.
# - I. Goodfellow, Y. Bengio, A. Courville (2016). *Deep Learning*, section 7.8. MIT Press.

# %%
progress("07")
