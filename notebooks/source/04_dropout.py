# %% [markdown]
# # 04 Dropout and inverted dropout
#
# Remove half of a network's units at random, at every step, and it may learn better. This lesson
# is about what that does exactly: to one unit, to the average over all thinned networks, to the
# weights. And about when it is worth it.
#
# *90 minutes. Builds on lesson 02 (ridge regression) and lesson 03 (weight decay, label noise).*
#
# After this lesson you will be able to
# - write dropout in both forms, forward and backward, and say which factor goes where;
# - say what a network with dropout computes at test time, and where that is exact;
# - show that dropout in linear regression is a ridge penalty that adapts to the inputs;
# - find the bug of a forgotten `.eval()` in a minute;
# - judge from measurements when dropout pays, and what its rivals are.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LinearRegression, Ridge

from helpers import SEED, check, claim, plots, predict, progress, thinning
from helpers.plots import dropout as figures
from helpers.plots.sub_networks import sub_networks
from helpers.plots.thinned import thinned_network
from helpers.plots.turned import turned_digit
from helpers.plots.unit_noise import unit_noise

seeds = range(100 * SEED, 100 * SEED + 10)
rng = np.random.default_rng([SEED, 4])

# %% [markdown]
# ## 1 One network, many networks · 5 minutes
#
# An average over many networks is often better than one of them (lesson 06 shows how much). But
# many networks cost many trainings. Dropout's idea: drop units at random, so that every example of
# every step trains another **thinned network**. They all share one set of weights.

# %%
predict(
    "A network has two hidden layers of 12 units. Every hidden unit may be kept or dropped. "
    "How many thinned networks are there?",
    ["24", "12 · 12 = 144", "2 · 2¹² = 8192", "2²⁴, about 17 million"],
    answer=3,
    because="Every unit doubles the number: $2^{24} = 16{,}777{,}216$. Even 10,000 "
    "steps with 64 examples each visit less than 4 % of them. The rest learn through the weights "
    "that all share.",
)

# %% [markdown]
# ### Explore: a thinned network
#
# Here is such a network, trained on digits. A cross is a dropped unit. The fill of a unit is its
# activation (dark: 0), a connection is blue for a positive weight and orange for a negative one.
#
# Press play: every step is a new mask. Watch the bars, then the blue line at the right:
# the mean over all masks so far. Lower `keep_prob`. Set it to 1.

# %%
tiny = thinning.train_on_digits([SEED], n_train=1000, steps=300, dropout=0.2, hidden=(12, 12))
examples = thinning.typical_examples(tiny)[[0, 3, 4, 6, 8]]  # one image of each of these
images, labels = tiny.x_test[0, examples].numpy(), tiny.y_test[0, examples].numpy()
thinned_network(tiny.mlps, images.astype(float), labels, rng=np.random.default_rng([SEED, 1]))

# %% [markdown]
# Single masks (the gray dots) disagree a lot. After 25 of them, where the figure starts, their mean
# still moves. Let it play to 200: the mean settles, but for most digits not where the dashed line
# is. That line is **weight scaling**: one pass through the whole network, which is what is used at
# test time. Sections 3 and 4 say what has to be scaled and why, section 7 what is in the gap.
#
# ## 2 The mask, and two names for one number · 5 minutes
#
# Every unit tosses its own coin, every example anew: $m \sim \text{Bernoulli}(q)$. Here
# $q$ is the probability of **keeping**; many call it `keep_prob`, and the paper of 2014 writes $p$
# for it. PyTorch's `p` is the probability of **dropping**, $p = 1 - q$; so is Keras's `rate`. Read
# the documentation before you copy a number.

# %%
with torch.random.fork_rng():  # F.dropout draws from torch's global generator
    torch.manual_seed(SEED)
    ones = F.dropout(torch.ones(100_000), p=0.2)
claim("F.dropout(p=0.2): share of zeros", (ones == 0).double().mean(), low=0.19, high=0.21)
claim("and the rest is not 1 but 1/0.8", ones[ones > 0].unique(), low=1.25, high=1.25)

# %% [markdown]
# ### Exercise 04.1 · `dropout_mask` · 1 point
#
# Write `dropout_mask(shape, keep_prob, rng)`: an array of this shape, 1 where the unit is kept
# (probability `keep_prob`), else 0. One coin for every entry. `keep_prob` is in (0, 1]; at 1 all
# is kept. All randomness comes from `rng`.
#
# <details><summary>Hint 1</summary>
#
# `rng.random(shape)` gives numbers that are uniform in [0, 1).
#
# </details>
# <details><summary>Hint 2</summary>
#
# How likely is it that such a number is below 0.8?
#
# </details>
# <details><summary>Hint 3</summary>
#
# Compare the numbers with `keep_prob`, and turn True and False into 1.0 and 0.0, with `np.where` or
# `.astype(float)`.
#
# </details>


# %% exercise="04.1"
def dropout_mask(shape, keep_prob, rng):
    """A mask of independent coin tosses.

    shape: a tuple of ints; keep_prob: the probability of a 1, in (0, 1].
    rng: np.random.Generator. Returns an array of `shape` of zeros and ones.
    """
    ### BEGIN SOLUTION
    kept = rng.random(shape) < keep_prob
    return np.where(kept, 1.0, 0.0)
    ### END SOLUTION


# %% check="04.1"
check("04.1", dropout_mask)

# %% [markdown]
# ## 3 Original dropout: scale at test time · 10 minutes
#
# While training, a layer's output $x$ becomes $m \odot x$. At test time nothing is dropped. Then
# the next layer gets more than it ever saw.

# %%
predict(
    "Training used original dropout with keep_prob 0.5. At test time you leave it out and change "
    "nothing else. What happens to the inputs that the next layer receives?",
    [
        "they are the same on average",
        "they are about twice as large",
        "they are about half as large",
    ],
    answer=1,
    because="In training half of the terms of $\\sum_i w_i m_i x_i$ are missing on average. Now "
    "all are there: the expectation grows by $1/q = 2$, at every such layer.",
)

# %% [markdown]
# The repair of the paper: at test time multiply by the probability of keeping,
#
# $$\text{train: } \; y = m \odot x \qquad \text{test: } \; y = q\,x
# \qquad\text{since}\quad \mathbb{E}[m \odot x] = q\,x .$$

# %%
x = rng.uniform(0, 1, 200)
weights = rng.normal(size=(200, 50))
masks = rng.random((4000, 200)) < 0.5
in_training = ((masks * x) @ weights).mean(0)  # (50,), the mean over 4000 masks
slope = np.linalg.lstsq(in_training[:, None], x @ weights, rcond=None)[0]
claim("whole layer, not scaled / mean in training", slope, low=1.9, high=2.1)
slope = np.linalg.lstsq(in_training[:, None], (0.5 * x) @ weights, rcond=None)[0]
claim("whole layer, scaled by 0.5 / mean in training", slope, low=0.95, high=1.05)

# %% [markdown]
# ### Exercise 04.2 · `dropout_forward` · 1 point
#
# Write `dropout_forward(x, keep_prob, rng, training)`. With `training=True` drop entries of `x`
# (any shape), each with a coin of its own, and leave the kept ones as they are. With
# `training=False` drop nothing and scale. At `keep_prob` 1 all is kept. Return the output; do not
# change `x`.
#
# <details><summary>Hint 1</summary>
#
# Two cases, `if training:`. Only one of them draws.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The mask has the shape of `x`. Your `dropout_mask` makes it.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Training: `x` times the mask. Test: `x` times `keep_prob`.
#
# </details>


# %% exercise="04.2"
def dropout_forward(x, keep_prob, rng, training):
    """Original dropout: drops while training, scales at test time.

    x: array of any shape; keep_prob: the probability of keeping, in (0, 1].
    rng: np.random.Generator; training: bool. Returns an array of x's shape.
    """
    ### BEGIN SOLUTION
    if training:
        return x * (rng.random(x.shape) < keep_prob)
    return x * keep_prob
    ### END SOLUTION


# %% check="04.2"
check("04.2", dropout_forward)

# %% [markdown]
# ## 4 Inverted dropout: scale while training · 15 minutes
#
# PyTorch, Keras and most code of today do it the other way round: divide while training, and the
# test network is just the network.
#
# $$\text{train: } \; y = \frac{m \odot x}{q} \qquad \text{test: } \; y = x
# \qquad\quad \mathbb{E}[y] = x, \quad \operatorname{Var}[y] = \frac{1-q}{q}\,x^2 .$$
#
# The original has $\mathbb{E}[y] = qx$ and $\operatorname{Var}[y] = q(1-q)\,x^2$. Each agrees with
# its own test layer **in expectation**. They do not have the same noise.

# %%
x = rng.normal(size=200)
for keep_prob in (0.2, 0.5, 0.8):
    masks = rng.random((10_000, 200)) < keep_prob
    original, inverted = masks * x, masks * x / keep_prob
    error = np.abs(inverted.mean(0) - x) / np.abs(x)
    claim(f"keep_prob {keep_prob}, inverted: |mean − x| / |x|", error.mean(), high=0.02)
    ratio = (x**2 @ inverted.var(0)) / (x**2 @ x**2) / ((1 - keep_prob) / keep_prob)
    claim(f"keep_prob {keep_prob}, inverted: variance / theory", ratio, low=0.98, high=1.02)
    ratio = (x**2 @ original.var(0)) / (x**2 @ x**2) / (keep_prob * (1 - keep_prob))
    claim(f"keep_prob {keep_prob}, original: variance / theory", ratio, low=0.98, high=1.02)

# %% [markdown]
# ### Explore: the noise of one unit
#
# Let a unit add up several dropped inputs. Try one input, then 64; lower `keep_prob`;
# then, still with 64 inputs, `original, test not scaled`: the dashed line leaves the histogram.

# %%
unit_noise(rng=np.random.default_rng([SEED, 2]))

# %% [markdown]
# With more inputs, here of one sign and the same sum, the noise averages out like $1/\sqrt{N}$.
# Inverted dropout's noise grows without bound as $q \to 0$; the original's is largest at 1/2. The
# *relative* noise, std over mean, is the same in both.
#
# So are they the same method? Let original dropout have weights $W$ behind the mask and learning
# rate $\eta$. Inverted dropout is the same function when it starts at $qW$. But its gradient is
# $1/q$ times as large, and its step should be $q$ times as large: it trains alike, step by step,
# with the rate $q^2\eta$ for these weights. (Plain SGD here; other optimizers scale differently.)

# %%
gap = thinning.original_against_inverted(keep_prob=0.5, rate_factor=1.0, seed=SEED)
claim("same learning rate: difference of the networks after 50 steps", gap, low=1e-3)
gap = thinning.original_against_inverted(keep_prob=0.5, rate_factor=0.5**2, seed=SEED)
claim("learning rate times keep_prob²: difference", gap, high=1e-12)

# %% [markdown]
# ### Exercise 04.3 · `inverted_dropout` · 2 points
#
# Write `inverted_dropout(x, keep_prob, rng, training)` that returns the pair `(out, mask)`.
# Training: `mask` holds the coins, zeros and ones (not scaled; 1 where a unit is kept, even if `x`
# is 0 there), and `out` is what the formula above says. Test: `x` itself, and a mask of ones. Both
# have the shape of `x` (any); do not change `x`. At `keep_prob` 1 nothing is dropped.
#
# <details><summary>Hint 1</summary>
#
# The test case first: nothing is drawn, nothing is scaled.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Draw the mask as in 04.1, with the shape of `x`. Which number makes the expectation of `mask * x`
# equal to `x`?
#
# </details>
# <details><summary>Hint 3</summary>
#
# `out` is `x` times the mask, divided by `keep_prob`. Return the mask before that division.
#
# </details>


# %% exercise="04.3"
def inverted_dropout(x, keep_prob, rng, training):
    """Inverted dropout: drops and scales while training, does nothing at test time.

    x: array of any shape; keep_prob: the probability of keeping, in (0, 1].
    rng: np.random.Generator; training: bool.
    Returns (out, mask), arrays of x's shape; the mask holds zeros and ones.
    """
    ### BEGIN SOLUTION
    if not training:
        return x, np.ones(x.shape)
    mask = (rng.random(x.shape) < keep_prob).astype(float)
    return x * mask / keep_prob, mask
    ### END SOLUTION


# %% check="04.3"
check("04.3", inverted_dropout)

# %% [markdown]
# ## 5 The way back · 5 minutes
#
# The mask is a constant factor of its step. So the gradient passes through the same factor:
#
# $$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} \odot \frac{m}{q} .$$
#
# A dropped unit gets no gradient: it had no part in this prediction. The mask of the forward pass
# must be kept for it; a new one would be another network. PyTorch agrees:

# %%
x = torch.ones(1000, dtype=torch.float64, requires_grad=True)
with torch.random.fork_rng():
    torch.manual_seed(SEED)
    y = F.dropout(x, p=0.2)
y.sum().backward()
kept = y.detach() > 0
claim("gradient of the kept entries (1/0.8)", x.grad[kept], low=1.25, high=1.25)
claim("gradient of the dropped entries", x.grad[~kept], low=0, high=0)

# %% [markdown]
# ### Exercise 04.4 · `dropout_backward` · 1 point
#
# Write `dropout_backward(grad_out, mask, keep_prob)` for inverted dropout: from the gradient of
# the loss with respect to `out`, the gradient with respect to `x`. The mask holds zeros and ones
# (or False and True), in the shape of `grad_out`.
#
# <details><summary>Hint 1</summary>
#
# `out = x * mask / keep_prob`, entry by entry. What is the derivative of one entry?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The chain rule multiplies `grad_out` with that derivative.
#
# </details>
# <details><summary>Hint 3</summary>
#
# It is the forward formula, with `grad_out` in place of `x`.
#
# </details>


# %% exercise="04.4"
def dropout_backward(grad_out, mask, keep_prob):
    """The backward pass of inverted dropout.

    grad_out: gradient of the loss with respect to the output, any shape.
    mask: zeros and ones (or bools) of the same shape; keep_prob: in (0, 1].
    Returns the gradient with respect to the input, of the same shape.
    """
    ### BEGIN SOLUTION
    return grad_out * mask / keep_prob
    ### END SOLUTION


# %% check="04.4"
check("04.4", dropout_backward)

# %% [markdown]
# ## 6 The forgotten `.eval()` · 5 minutes
#
# A layer that behaves in two ways needs to know which one is due. In PyTorch `model.train()` and
# `model.eval()` say it, for all layers. Nothing warns you when you forget. We train ten networks
# (64-64-64-10, 1000 digits) with dropout 0.5, and ten without for later.

# %%
plain = thinning.train_on_digits(seeds, n_train=1000, steps=400, dropout=0.0, every=400)
dropped = thinning.train_on_digits(seeds, n_train=1000, steps=400, dropout=0.5, every=400)

# %%
predict(
    "A network trained with dropout 0.5 has 96 % test accuracy. You forget `.eval()`. "
    "What do you see?",
    ["the same accuracy: the masks average out", "about 10 points less, and another number "
     "at every call", "about 50 %: half of the network is missing"],
    answer=1,
    because="One mask for each image: you test one thinned network, not their average. The network "
    "was trained to survive that, so it does not collapse; but its answers are a lottery.",
)  # fmt: skip

# %%
whole = thinning.probabilities(dropped.mlps, dropped.x_test)  # (S, n, K)
thinned = thinning.thinned_probabilities(dropped.mlps, dropped.x_test, masks=20)  # (20, S, n, K)
in_eval, in_train = (thinning.hits(p, dropped.y_test) for p in (whole, thinned))
claim("accuracy in eval mode, mean of ten networks", in_eval.mean(), low=0.94, high=0.985)
claim(
    "accuracy lost in training mode, each network", in_eval - in_train.mean(0), low=0.05, high=0.14
)
calls = thinned[:2].argmax(-1)
changed = (calls[0] != calls[1]).double().mean(-1)  # (S,)
claim("share of predictions that change between two calls", changed, low=0.08, high=0.3)
fig = figures.repeated_calls(in_eval, in_train)
plots.show(fig, alt="One network called 20 times: in eval mode always the same accuracy, in "
           "training mode lower and different each time; the same for ten networks.")  # fmt: skip

# %% [markdown]
# The signature of the bug: **the same input, another output**. So the test for it is one line:
# call twice, compare. It finds dropout, and not everything that `.eval()` switches: batch
# normalization in training mode (lesson 05) gives the same numbers for the same batch, and they can
# be low, too. When the accuracy is low but constant, print `model.training`, then look further.
#
# `torch.no_grad()` does not help: it switches off gradients, not dropout.
#
# ## 7 What does weight scaling average? · 15 minutes
#
# At test time we want the average of all $2^N$ thinned networks, and we take one pass instead. Why
# should that be an average? For one softmax layer, take the **geometric** mean of the
# probabilities, made to sum to 1. Its logarithm is a mean of logits, up to a constant, and logits
# are linear in the mask:
#
# $$\sum_m P(m)\,\log \operatorname{softmax}(W^\top (m \odot x) + b) =
# W^\top (q\,x) + b + \text{const} .$$
#
# So it **is** weight scaling, exactly. With a nonlinearity in between the step "linear in the
# mask" fails, and it is an approximation.
#
# ### Explore: all sub-networks
#
# Every dot is one of the $2^N$ networks on one example, its size its probability. The corners
# are three classes: at A the network is sure of class A, in the middle it has no opinion. At the
# right, how far each of the two means is from weight scaling. Try all `inputs` from 1 to 10,
# then `ReLU layer between`.

# %%
sub_networks(rng=np.random.default_rng([SEED, 3]))

# %% [markdown]
# In the first network the green diamond and the black cross stay together, at every setting. In the
# second they part as soon as there are two inputs (with one, and no bias, ReLU is still linear in
# the mask). The arithmetic mean, which is what averaging predictions means, is somewhere else in
# both (below `keep_prob` 1). With the ReLU layer it is sometimes the nearer one: try 6 inputs.
#
# ### Exercise 04.5 · `weight_scaling_exact` · 2 points
#
# Write `weight_scaling_exact(W, b, x, keep_prob)` for a softmax layer on $d$ inputs under
# **original** dropout (masks of zeros and ones, $z = W^\top(m \odot x) + b$). Go through all $2^d$
# masks, each with its probability, and return the pair `(arithmetic, geometric)`: two arrays of
# shape (K,), the two means of the probabilities; the geometric one divided by its sum. `W` is (d,
# K), `b` (K,), `x` (d,), and d is at most 10.
#
# <details><summary>Hint 1</summary>
#
# All masks: `np.array(list(product((0, 1), repeat=d)))`, an array of shape (2^d, d); `product` is
# from `itertools`, imported above. Then everything is one matrix product.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A mask that keeps k of d inputs has probability $q^k (1-q)^{d-k}$. They sum to 1: check it.
#
# </details>
# <details><summary>Hint 3</summary>
#
# With `probs` of shape (2^d, K) and `likely` of shape (2^d,): the arithmetic mean is
# `likely @ probs`, the geometric one `np.exp(likely @ np.log(probs))`, divided by its sum.
#
# </details>


# %% exercise="04.5"
def weight_scaling_exact(W, b, x, keep_prob):
    """Two means over all thinned softmax layers.

    W: (d, K); b: (K,); x: (d,); keep_prob: probability of keeping an input, in (0, 1).
    Returns (arithmetic, geometric): probabilities, (K,) each, both sum to 1.
    """
    ### BEGIN SOLUTION
    d = len(x)
    masks = (np.arange(2**d)[:, None] >> np.arange(d)) & 1  # (2^d, d)
    count = masks.sum(1)
    likely = keep_prob**count * (1 - keep_prob) ** (d - count)  # (2^d,)
    exponentials = np.exp((masks * x) @ W + b)  # (2^d, K)
    probs = exponentials / exponentials.sum(1, keepdims=True)
    geometric = np.exp(likely @ np.log(probs))
    return likely @ probs, geometric / geometric.sum()
    ### END SOLUTION


# %% check="04.5"
check("04.5", weight_scaling_exact)

# %%
W, b, x = rng.normal(size=(10, 4)), rng.normal(size=4), rng.normal(1, 0.5, 10)
scaled = torch.softmax(torch.tensor((0.5 * x) @ W + b), 0).numpy()
try:
    arithmetic, geometric = weight_scaling_exact(W, b, x, 0.5)
    print("your geometric mean − weight scaling: ", np.abs(geometric - scaled).max())
    print("your arithmetic mean − weight scaling:", np.abs(arithmetic - scaled).max())
except NotImplementedError:
    print("not attempted yet: weight_scaling_exact; weight scaling gives", scaled.round(3))

# %% [markdown]
# ### In a real network
#
# Nobody can enumerate the masks of 128 units. But a mean over 30 random masks comes near their
# arithmetic mean ("Monte Carlo dropout"). Which gives the better probabilities on test data: that
# mean, or the cheap single pass?

# %%
predict(
    "Cross-entropy on test images (*log loss*, lower is better), dropout 0.5. Which wins?",
    ["the mean over masks: it is the real average", "weight scaling",
     "it depends on how over-confident the single pass is"],
    answer=2,
    because="A mean over masks is less sure of itself than the single pass. Where the single pass "
    "is about as sure as it is right, more doubt costs. Where it has become over-confident, by "
    "long training on few images, doubt helps.",
)  # fmt: skip

# %%
few = {"n_train": 100, "dropout": 0.5}
short = thinning.train_on_digits(seeds, steps=100, every=100, **few)
long = thinning.train_on_digits(seeds, steps=500, every=500, **few)
runs = {"1000 images, 400 updates": dropped, "100 images, 100 updates": short,
        "100 images, 500 updates": long}  # fmt: skip
losses, too_sure = {}, {}
for name, trained in runs.items():
    single = thinning.probabilities(trained.mlps, trained.x_test)
    mean = thinning.thinned_probabilities(trained.mlps, trained.x_test, masks=30).mean(0)
    losses[name] = np.stack([thinning.log_loss(p, trained.y_test) for p in (single, mean)])
    too_sure[name] = thinning.confidence(single) - thinning.hits(single, trained.y_test)  # (S,)
    same = (single.argmax(-1) == mean.argmax(-1)).double().mean()
    claim(f"{name}: share of images that both call the same", same, low=0.93)

# %%
gain = {name: loss[1] - loss[0] for name, loss in losses.items()}  # > 0: weight scaling is better
bounds = {"low": 0.05, "high": 0.3}, {"low": 0.05, "high": 0.3}, {"low": -0.4, "high": 0}
for (name, difference), bound in zip(gain.items(), bounds, strict=True):
    claim(f"{name}: log loss, mean over masks − weight scaling", difference.mean(), **bound)
enough, short_few, long_few = gain.values()
claim("1000 images: networks of 10 with weight scaling better", (enough > 0).sum(), low=9)
claim("100 images, 100 updates: networks with weight scaling better", (short_few > 0).sum(), low=9)
claim("100 images, 500 updates: networks with the mean better", (long_few < 0).sum(), low=6)
surplus = [value.mean() for value in too_sure.values()]
claim("weight scaling, confidence − accuracy: 1000 images", surplus[0], low=-0.1, high=0.02)
claim("100 images, 100 updates", surplus[1], low=-0.15, high=0)
claim("100 images, 500 updates: over-confident", surplus[2], low=0.03, high=0.12)

# %%
plots.show(figures.averages_compared(losses), alt="Test log loss, ten networks: weight scaling is "
           "better with 1000 images, and with 100 after 100 updates; with 100 images after 500 "
           "updates the mean over masks is better.")  # fmt: skip

# %% [markdown]
# The two call well over nine of ten images the same. They differ in how sure they are. So it is not
# the number of images that decides: with the same 100 images the winner changes as training goes
# on. (On average over ten networks; after long training the mean over masks wins in most of them.)
#
# ## 8 Dropout is a penalty that adapts · 10 minutes
#
# Linear regression with inverted dropout of the inputs, $p$ the probability of dropping. Average
# the squared error over all masks. The mean of the noisy input is $X$, its variance is left over
# as a penalty:
#
# $$\mathbb{E}_m \Big\| y - \tfrac{m \odot X}{1-p}\, w \Big\|^2 =
# \|y - Xw\|^2 + \frac{p}{1-p} \sum_j (X^\top X)_{jj}\, w_j^2 .$$
#
# This is ridge regression with a penalty of its own for every weight:
# $\Gamma = \frac{p}{1-p}\operatorname{diag}(X^\top X)$. Inputs that are large or often on are
# penalized more. The coins of two inputs are independent, so no other entry of $X^\top X$ appears.
# When the inputs are orthogonal, $X^\top X$ is its own diagonal, and every weight is $1 - p$ times
# that of least squares, however large its input is.

# %% [markdown]
# ### Exercise 04.6 · `dropout_ridge` · 1 point
#
# Write `dropout_ridge(X, y, p)`: the weights `w` that minimize the expected loss above, in closed
# form. `X` is (n, d), `y` (n,), `p` the probability of **dropping**, in (0, 1). No intercept. It
# must work for n < d, and for d too large to enumerate masks.
#
# <details><summary>Hint 1</summary>
#
# Ridge regression with a penalty matrix solves $(X^\top X + \Gamma)\,w = X^\top y$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.diag` of a matrix gives its diagonal; `np.diag` of a vector gives a diagonal matrix.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Compute `gram = X.T @ X` once. The penalty is `p / (1 - p)` times its diagonal part. Use
# `np.linalg.solve`.
#
# </details>


# %% exercise="04.6"
def dropout_ridge(X, y, p):
    """Least squares under inverted dropout of the inputs, averaged over all masks.

    X: (n, d), no column all zero; y: (n,); p: the probability of dropping an input, in (0, 1).
    Returns w, (d,): no intercept.
    """
    ### BEGIN SOLUTION
    gram = X.T @ X
    penalty = p / (1 - p) * np.diag(np.diag(gram))
    return np.linalg.solve(gram + penalty, X.T @ y)
    ### END SOLUTION


# %% check="04.6"
check("04.6", dropout_ridge)

# %% [markdown]
# Is it true? Take 8 inputs: 256 masks. Make a data set with every example under every mask,
# weighted by the mask's probability, and solve it by plain least squares. Against it:
# scikit-learn's ridge regression, on columns scaled to length 1, which is the same penalty in
# other words.

# %%
p, inputs = 0.3, 8
X = rng.normal(size=(40, inputs)) * np.geomspace(0.3, 3, inputs)
y = X @ rng.normal(size=inputs) + 0.5 * rng.normal(size=40)


def over_all_masks(X, y, p):
    """Least squares on every example under every mask, weighted by the mask's probability."""
    blocks, targets = [], []
    for coins in product((0, 1), repeat=X.shape[1]):
        root = np.prod([1 - p if c else p for c in coins]) ** 0.5
        blocks.append(root * X * np.array(coins) / (1 - p))
        targets.append(root * y)
    return LinearRegression(fit_intercept=False).fit(np.vstack(blocks), np.hstack(targets)).coef_


with_masks = over_all_masks(X, y, p)
length = np.linalg.norm(X, axis=0)
as_ridge = Ridge(alpha=p / (1 - p), fit_intercept=False).fit(X / length, y).coef_ / length
least_squares = LinearRegression(fit_intercept=False).fit(X, y).coef_
claim(
    "all 256 masks against ridge: largest difference",
    np.abs(with_masks - as_ridge).max(),
    high=1e-12,
)
claim("and how far ridge is from least squares", np.abs(least_squares - as_ridge).max(), low=0.02)

# %% [markdown]
# "Adaptive" has a use: the unit of measurement no longer matters. Write one input in millimeters
# instead of meters: plain ridge changes its predictions, dropout does not.

# %%
in_millimeters = X * np.where(np.arange(inputs) == 0, 1000, 1)
again = over_all_masks(in_millimeters, y, p)  # all 256 masks once more
claim(
    "dropout: predictions change by",
    np.abs(in_millimeters @ again - X @ with_masks).max(),
    high=1e-9,
)
plain_ridge = [
    Ridge(alpha=5.0, fit_intercept=False).fit(A, y).predict(A) for A in (X, in_millimeters)
]
claim("plain ridge: predictions change by", np.abs(plain_ridge[0] - plain_ridge[1]).max(), low=1e-3)

# %% [markdown]
# ## 9 When does it help? · 5 minutes
#
# A hard case: 1000 digits, **40 % of the training labels wrong**. 64-64-64-10 networks, 800
# updates, 12 seeds; each seed has its own split and its own initial weights, and sees the same
# batches with and without dropout. All test labels are right.
#
# The honest rival costs one line and 200 validation images: **early stopping**, the weights of the
# step with the best validation accuracy (lesson 07). Mind what it is given: the labels of these 200
# images are all right, too. If you have noisy labels only, you have to pay for that.

# %%
predict(
    "Test accuracy after 800 updates without dropout is about 70 %. Which picture do you expect?",
    ["dropout gains a few points; early stopping less",
     "dropout gains about 20 points; early stopping about as much",
     "dropout gains about 20 points; early stopping hardly anything",
     "neither helps: the labels are wrong"],
    answer=1,
    because="Memorizing wrong labels takes a network that fits each example. Dropout makes that "
    "hard; stopping makes it too short. Both end near the same accuracy.",
)  # fmt: skip

# %%
twelve = range(100 * SEED, 100 * SEED + 12)
setup = {"n_train": 1000, "label_noise": 0.4, "steps": 800}
without = thinning.train_on_digits(twelve, dropout=0.0, **setup)
with_dropout = thinning.train_on_digits(twelve, dropout=0.5, **setup)
none, half = without.history["test"][-1], with_dropout.history["test"][-1]  # (12,) each
none_stopped, half_stopped = (thinning.stopped_early(r.history) for r in (without, with_dropout))

# %%
claim("no dropout, last step", none.mean(), low=0.66, high=0.74)
claim("dropout 0.5, last step", half.mean(), low=0.84, high=0.92)
claim("dropout − none, mean", (half - none).mean(), low=0.15, high=0.22)
claim("seeds of 12 in which dropout is better", (half > none).sum(), low=12)
claim("no dropout, stopped early", none_stopped.mean(), low=0.85, high=0.92)
claim("dropout − early stopping, mean", (half - none_stopped).mean(), low=-0.035, high=0.03)
claim(
    "seeds of 12 in which dropout beats early stopping", (half > none_stopped).sum(), low=1, high=11
)
fall = [h["test"].mean(1).max() - h["test"].mean(1)[-1] for h in
        (without.history, with_dropout.history)]  # fmt: skip
claim("no dropout: from the peak of the mean curve to its end", fall[0], low=0.1, high=0.3)
claim("dropout 0.5: from the peak of the mean curve to its end", fall[1], low=0, high=0.03)
both = half_stopped - none_stopped
claim("dropout stopped early − early stopping alone, mean", both.mean(), low=-0.025, high=0.045)

# %%
finals = {"none,\nlast step": none, "dropout,\nlast step": half,
          "none,\nstopped": none_stopped, "dropout,\nstopped": half_stopped}  # fmt: skip
fig = figures.headline(
    without.history.steps, without.history["test"], with_dropout.history["test"], finals
)
ends = [f"{accuracy.mean():.2f}" for accuracy in (none, half, none_stopped)]
plots.show(fig, alt="With 40 % wrong labels the network without dropout peaks early and falls to "
           f"{ends[0]}; with dropout it rises, and is at {ends[1]} in the end. Early stopping "
           f"without dropout gets {ends[2]}.")  # fmt: skip

# %% [markdown]
# Dropout wins in all 12 seeds against a network that trains too long, by almost 20 points. Against
# the same network stopped in time it wins with some seeds and loses with others, and the means are
# about three points apart at most: a tie. Dropout's advantage is that its curve falls later: within
# these 800 updates it is near its peak at the end, so the moment matters less. The figure does not
# show that it stays there. Paste this into a new cell and see (about half a minute):
#
# ```python
# longer = thinning.train_on_digits(twelve, dropout=0.5, **(setup | {"steps": 3200}))
# for step, accuracy in zip(longer.history.steps[::8], longer.history["test"].mean(1)[::8]):
#     print(step, accuracy.round(3))
# ```
#
# The two do not exclude each other. But do dropout *and* stopping, with the same 200 right labels,
# do better than stopping alone? Twelve networks do not settle it: by the last claim the two are a
# few points apart at most, and with other data the difference is another one. (The environment
# variable `COURSE_SEED`, see the README, reruns a lesson with other data and weights.)
#
# And on clean labels? These are the networks of section 6.

# %%
clean = [
    thinning.hits(thinning.probabilities(t.mlps, t.x_test), t.y_test) for t in (plain, dropped)
]
claim(
    "1000 clean digits, dropout − none, mean of ten",
    np.mean(clean[1] - clean[0]),
    low=-0.025,
    high=0.005,
)

# %% [markdown]
# No gain: here dropout 0.5 does not pay. That is one rate and 400 updates: in a new cell, train ten
# more as in section 6, with `dropout=0.2` or `steps=1600`, and see. Recommended rates (Srivastava
# et al. 2014) are $q = 0.5$ for hidden units and 0.8 for inputs; treat them as a start for a
# search.
#
# ## 10 Co-adaptation · 5 minutes
#
# The explanation of the first papers (Hinton et al. 2012, Srivastava et al. 2014): without dropout,
# a unit learns to correct its neighbors' mistakes, and only that company makes it useful. Dropout's
# unit cannot rely on company. How would you measure that? Correlation between units is what many
# try. More direct: **remove units after training** and see what is left.

# %%
predict(
    "Ten networks without dropout, 97 % accurate. You remove half of the units of the last hidden "
    "layer, for good (and double the rest). What accuracy is left?",
    ["about 96 %", "about 90 %", "about 75 %", "about 10 %: chance"],
    answer=2,
    because="The units depend on each other: half of them are not half of a network. Trained with "
    "dropout, the same cut costs about 1 or 2 points.",
)

# %%
shares = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]
generator = torch.Generator().manual_seed(SEED)
cuts = [
    np.stack([thinning.accuracy_after_cut(t, share=s, generator=generator) for s in shares])
    for t in (plain, dropped)
]  # each (8, S)
lost = [c[0] - c[shares.index(0.5)] for c in cuts]  # (S,) each
claim("half cut, trained without dropout: points lost", lost[0], low=0.04, high=0.5)
claim("half cut, trained with dropout: points lost", lost[1], low=-0.015, high=0.07)
claim("half cut, without dropout: accuracy left, mean", (cuts[0][4]).mean(), low=0.65, high=0.82)
claim(
    "5/8 cut, trained with dropout: points lost, mean", (cuts[1][0] - cuts[1][5]).mean(), high=0.05
)
claim("networks of 10 that lose less with dropout", (lost[0] > lost[1]).sum(), low=10)
plots.show(figures.cut_curves(shares, *cuts), alt="Accuracy over the share of hidden units "
           "removed: without dropout it falls from the first unit on, with dropout it stays until "
           "more than half are gone.")  # fmt: skip

# %% [markdown]
# This is a large effect, and it is in every network. Partly it is by design: dropout trained for
# exactly this cut. But a cut of 5/8, deeper than any typical mask, costs little as well.
#
# Now the correlation. Does dropout decorrelate units? The mean |correlation| between two units of a
# layer, over ten networks:

# %%
for layer, name in enumerate(("first", "last")):
    before, after = (thinning.mean_correlation(t, layer) for t in (plain, dropped))  # (S,) each
    claim(f"{name} hidden layer, trained without dropout", before.mean(), low=0.15, high=0.3)
    claim(f"{name} hidden layer, trained with dropout", after.mean(), low=0.15, high=0.35)
    bounds = {"low": -0.05, "high": 0} if layer == 0 else {"low": 0.01, "high": 0.08}
    claim(f"{name} hidden layer: change by dropout", (after - before).mean(), **bounds)
claim("networks of 10 in which it rises in the last layer", (after > before).sum(), low=7)

# %% [markdown]
# A little less in the first layer, more in the last, in most networks. One reading: units that may
# vanish need doubles that say the same, and doubles are correlated. It fits the cuts above, but
# nothing here tests it.
#
# ## 11 Many masks as a measure of doubt? · 5 minutes
#
# Keep dropout on at test time, look at how much the masks disagree, and call it uncertainty (Gal &
# Ghahramani 2016). A fair test: turn the digits. No network here has seen a turned digit.

# %%
predict(
    "The further a digit is turned, the less it looks like training data. What does the confidence "
    "of the mean over masks do from 0° over 30° to 90°?",
    ["it falls all the way", "it falls, then rises again", "it does not change"],
    answer=1,
    because="At 30° masks often disagree. At 90° most of them agree, on a wrong class. "
    "Disagreement does not measure how strange an image is.",
)

# %% [markdown]
# ### Explore: turned digits
#
# Choose the 8, then the 3, and turn them: 0°, 30°, 90°, 180°. Then the 4.

# %%
opinions = thinning.opinions_on_turned(
    dropped,
    thinning.typical_examples(dropped)[[8, 3, 4, 6, 0]],
    angles=range(0, 181, 15),
    masks=20,
    n_images=100,
)
mean_of_8, mean_of_3 = opinions.masks[:2].mean(2)  # (13 angles, 10 classes) each
claim("the 8 at 90°: probability of an 8", mean_of_8[6, 8], high=0.3)
claim("the 8, confidence at 90° − at 30°", mean_of_8[6].max() - mean_of_8[2].max(), low=0.05)
claim("the 3 at 90°: probability of a 3", mean_of_3[6, 3], high=0.3)
sure, cautious = opinions.scaled, opinions.thinned  # (13 angles, S)
claim("accuracy at 90°", opinions.accuracy[6].mean(), low=0.03, high=0.25)
claim("confidence of the mean over masks at 30°", cautious[2].mean(), low=0.5, high=0.75)
claim("and at 90°, where it is wrong", cautious[6].mean(), low=0.7, high=0.95)
claim("networks of 10 that are surer at 90° than at 30°", (cautious[6] > cautious[2]).sum(), low=9)
split = opinions.disagreement  # share of masks that call another class than the mean does
claim("masks that disagree with their mean, at 0°", split[0].mean(), low=0.06, high=0.2)
claim("at 30°", split[2].mean(), low=0.25, high=0.42)
claim("at 90°", split[6].mean(), low=0.1, high=0.25)
claim("accuracy at 180°", opinions.accuracy[12].mean(), low=0.3, high=0.55)
claim("confidence of the mean over masks at 180°", cautious[12].mean(), low=0.5, high=0.75)
claim(
    "weight scaling − mean over masks, confidence at every angle",
    (sure - cautious).mean(1),
    low=0.05,
)
turned_digit(opinions)

# %% [markdown]
# The 8 at 90° is called something else, with more confidence than at 30°, and the 3 at 90° is no 3
# either. Not every image behaves so: one that is called correctly at 90° (look at the 4) is no
# contradiction, as long as most are not.
#
# What holds: at every angle the mean over masks is less confident than the single pass. What does
# not hold: more strange, more doubt. At 90° nine of ten answers are wrong, and the mean over 20
# masks is about 80 % sure. At 180° about four of ten are right (a 0, a 1 or an 8 on its head is
# still one), yet there the mean is less sure than at 90°: about 60 %.
#
# ## 12 At work · 5 minutes
#
# ```python
# model = nn.Sequential(
#     nn.Linear(64, 64), nn.ReLU(), nn.Dropout(p=0.5),   # p: dropped. After the activation.
#     nn.Linear(64, 10),                                 # no dropout on the logits
# )
# model.train()   # before training, and again after every evaluation
# model.eval()    # before every evaluation
# ```
#
# In convolutional networks neighbors carry the same information, so whole channels are dropped
# (`nn.Dropout2d`); in residual networks whole branches, one coin for each (**drop path**, also
# called stochastic depth: the paper scales at test time, most code divides by $q$ while training).

# %% [markdown]
# ### Written question 04.w · 2 points
#
# A colleague reports: "I evaluate my network on the same 500 images three times and get 0.874,
# 0.882 and 0.868. In training I saw 0.96 on the validation set. The weights do not change in
# between." Diagnose. Name the likely cause and why it has this effect; give one test that would
# tell it from another cause; give the repair, and what the numbers should do after it.

# %% [markdown] written="04.w"
# ### BEGIN SOLUTION
# Most likely dropout is still active: the model is in training mode because `model.eval()` was not
# called (or `model.train()` was called after it). Each call draws new masks, so each call tests
# other thinned networks: the result is random, and lower than that of the whole network with
# weight scaling. The validation figure of 0.96 was taken in eval mode.
#
# Test: feed the same batch twice and compare the outputs. If they differ, print `model.training`;
# then call `model.eval()` and compare again: now they must be equal to the last bit. If they still
# differ, the cause is elsewhere (random augmentation or shuffled, incomplete data in the loader).
# If they are equal but the accuracy stays low, look for a difference in the data or preprocessing.
# Batch normalization in training mode depends on the batch, but for the same batch it gives the
# same output, so it would not explain three different numbers on identical batches.
#
# Repair: `model.eval()` before evaluation, `model.train()` before the next training epoch. After
# it, all calls give the same number, and it should be near 0.96. `torch.no_grad()` alone is no
# repair.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# - Dropout multiplies by a Bernoulli mask. Original: scale by $q$ at test time. Inverted: divide
#   by $q$ while training. In expectation each equals its own test layer, $qx$ and $x$; the
#   variances are $q(1-q)x^2$ and $\frac{1-q}{q}x^2$.
# - The backward pass uses the same mask and the same factor.
# - Weight scaling is the normalized geometric mean of all thinned networks: exactly so for a
#   softmax layer, approximately with a nonlinearity in between.
# - In linear regression dropout is ridge with $\frac{p}{1-p}\operatorname{diag}(X^\top X)$, and
#   does not care about units of measurement.
# - It helped where a network memorizes. With 40 % wrong labels it gains about 20 points over
#   training to the end, and nothing that we can measure over early stopping.
#
# ## Where textbooks disagree
#
# - *"0.8 is a good rate for inputs."* Of keeping, as in the paper. PyTorch's `p=0.8` drops four of
#   five (section 2).
# - *"Inverted dropout is the same as the original."* In plain SGD, when it starts at $q$ times the
#   weights behind the mask, and these learn with $q^2$ times the rate. At equal rates the runs part
#   (section 4).
# - *"Weight scaling is a cheap substitute for the real average."* With 1000 images it had the
#   *better* log loss in nearly all networks, with 100 images too after short training, and the
#   worse one after long training, when it was over-confident (section 7).
# - *"Dropout improves generalization."* By about 20 points against networks that trained too long
#   on wrong labels; a tie with early stopping; no gain on 1000 clean digits (section 9).
# - *"Dropout decorrelates units."* Less correlation in the first layer, more in the last. Removing
#   units shows the effect in every network (section 10).
# - *"Monte Carlo dropout knows what it does not know."* Its confidence at 90° was higher than at
#   30° (section 11). Ovadia et al. 2019 compare it with other methods on shifted data.
#
# ## References
#
# - G. E. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2012). Improving
#   neural networks by preventing co-adaptation of feature detectors. arXiv:1207.0580.
# - N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2014). Dropout: a
#   simple way to prevent neural networks from overfitting. *JMLR* 15.
# - P. Baldi, P. Sadowski (2013). Understanding dropout. *NeurIPS*. (Geometric means.)
# - S. Wager, S. Wang, P. Liang (2013). Dropout training as adaptive regularization. *NeurIPS*.
# - Y. Gal, Z. Ghahramani (2016). Dropout as a Bayesian approximation: representing model
#   uncertainty in deep learning. *ICML*.
# - G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Q. Weinberger (2016). Deep networks with stochastic
#   depth. *ECCV*.
# - Y. Ovadia et al. (2019). Can you trust your model's uncertainty? Evaluating predictive
#   uncertainty under dataset shift. *NeurIPS*.

# %%
progress("04")
