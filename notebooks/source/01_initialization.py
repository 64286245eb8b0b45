# %% [markdown]
# # 01 Initialization and activation histograms
#
# A network that does not train is often a network that was never given a chance: its signals died,
# exploded or became all alike before the first update. This lesson is about the numbers that
# decide it.
#
# *100 minutes. Builds on lesson 00 (activation functions and their slopes). Section 6 also uses
# singular values.*
#
# After this lesson you will be able to
# - say why weights start random, and what exactly goes wrong when they do not;
# - derive how large they should be, forward and backward, and use LeCun, Xavier and He where each
#   belongs;
# - read activation histograms, and know what they hide;
# - predict the spread in every layer of a deep network before you run it;
# - name the cases in which textbook rules fail, with measurements.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import SEED, check, claim, explore, plots, predict, progress

seeds = range(100 * SEED, 100 * SEED + 5)
rng = np.random.default_rng([SEED, 1])

# %% [markdown]
# ## 1 Why random at all? · 10 minutes
#
# Take one hidden layer. If two hidden units start with the same incoming and the same outgoing
# weights, they compute the same value for every input. So they get the same gradient, take the
# same step, and are the same again.

# %%
predict(
    "All weights start at 0.1. The network has 16 hidden units and trains for 400 steps. "
    "How many different units does it have then?",
    ["16: the data differ, so the units part", "a few: they form groups", "1: all are still equal"],
    answer=2,
    because="Nothing in the computation tells the units apart, so no gradient can. The data decide "
    "where the units go, but they send all of them to the same place.",
)

# %% [markdown]
# A classifier's last layer puts out a number for each class, its **logits**. The **softmax** turns
# them into probabilities, $p_k = e^{\text{logit}_k}/\sum_j e^{\text{logit}_j}$, and the loss is the
# **cross-entropy**, $-\log p$ of the right class. A network that knows nothing gives each of ten
# digits 1/10 and pays $\log 10 = 2.3$: a loss that stays there means that nothing is learned.
#
# In formulas, with $z = xW$ and $h = \varphi(z)$ of the hidden units, output weights $v_j$ of unit
# $j$, and $\delta_k = \partial \text{loss} / \partial \text{logit}_k$:
#
# $$\frac{\partial \text{loss}}{\partial w_{ij}}
#   = \sum_{\text{inputs}} x_i\,\varphi'(z_j) \sum_k v_{jk}\,\delta_k .$$
#
# If $w_{\cdot j}$ and $v_{j\cdot}$ are the same for all $j$, so is the right side. The weight
# matrix keeps **rank 1**: the layer is one unit, written 16 times. With all zeros and a $\varphi$
# with $\varphi(0) = 0$, such as tanh, even that unit gets no gradient, and nor do the $v_{jk}$. (A
# sigmoid puts out 1/2 at zero: first the $v_{jk}$ move, then the one unit.)
#
# Now the same thing, computed: five starts, five seeds each. The networks are 64-16-10 (64 pixels,
# 16 tanh units, 10 digits).

# %%
from helpers import symmetry

runs = {start: symmetry.train_twins(start, seeds) for start in symmetry.STARTS}
constant = runs["constant 0.1"]
reached = {start: run.accuracy[-1] for start, run in runs.items()}  # (5 seeds)
claim("constant start: largest difference between two units", constant.apart, low=0, high=0)
claim("constant start: rank of the trained weights", constant.rank, low=1, high=1)
claim("constant start: accuracy after 400 steps", reached["constant 0.1"], high=0.5)
claim("zero start: accuracy (chance is 0.1)", reached["zero"], high=0.2)
claim("constant + 0.001 of noise: accuracy", reached["constant + noise"], low=0.85)
claim("only the output layer starts at zero: accuracy", reached["zero output layer"], low=0.85)

# %% [markdown]
# ### Explore: do equal units part?
#
# Left: the weights into the 16 units of one network, that of the first seed (yellow is positive,
# blue negative, gray 0). Middle: the largest difference between two units. Right: the accuracy on
# test images. Both curves are means of five seeds. Take each start and play it from step 0. When
# do the units part, and what does the accuracy do then?

# %%
from ipywidgets import IntSlider

from helpers.plots.symmetry import symmetry_figure

fig, update, alt = symmetry_figure(runs)
step = IntSlider(200, 0, symmetry.STEPS, step=symmetry.EVERY, description="step")
starts = sorted(runs, key=lambda start: start != "constant + noise")  # that one first
explore(fig, update, alt=alt, play="step", start=starts, step=step)

# %% [markdown]
# A thousandth of noise is enough: the differences grow by themselves, and the
# plateau ends when they have grown. Zeros in the *output layer only* are harmless, because the
# random units behind it already differ.
#
# (The equality is exact in exact arithmetic, and here, because every unit is computed with the
# same additions in the same order. An optimized matrix product may round two equal units
# differently. Then symmetry breaks by rounding errors, late and by luck.)

# %% [markdown]
# ## 2 How large? One layer · 20 minutes
#
# A unit sums `fan_in` terms: $z = \sum_{i=1}^{n_\text{in}} w_i h_i$. If the weights are
# independent, have mean 0, and do not depend on $h$,
#
# $$\operatorname{Var}(z) = n_\text{in} \operatorname{Var}(w)\; \mathbb{E}[h^2].$$
#
# Note $\mathbb{E}[h^2]$, not $\operatorname{Var}(h)$: a mean that is not 0 adds to it. That little
# difference decides about ReLU and the sigmoid.

# %%
h = np.maximum(rng.standard_normal((500, 200)), 0)  # 500 inputs, 200 units; a ReLU's output
w = rng.normal(0, 0.1, (200, 2000))
z = h @ w  # (500, 2000)
claim("Var(z) / (n·Var(w)·E[h²])", z.var() / (200 * 0.1**2 * (h**2).mean()), low=0.85, high=1.15)
claim("E[h²] / Var(h) for a ReLU's output", (h**2).mean() / h.var(), low=1.35, high=1.6)
kept = (np.maximum(z, 0) ** 2).mean() / (z**2).mean()
claim("E[relu(z)²] / E[z²]: ReLU keeps half", kept, low=0.45, high=0.55)

# %% [markdown]
# So the mean square stays as it is when
#
# | scheme | condition | $\operatorname{Var}(w)$ | for |
# |---|---|---|---|
# | **LeCun** | forward, slope 1 at 0 | $1/n_\text{in}$ | tanh, linear |
# | **He** | forward; ReLU keeps half, so twice | $2/n_\text{in}$ | ReLU |
# | **Xavier** (Glorot) | between the two ways | $2/(n_\text{in}+n_\text{out})$ | tanh, linear |
#
# These are **variances**. Xavier is often printed as
# "$\mathcal{N}(0, \sqrt{2/(n_\text{in}+n_\text{out})})$", and then read as a variance. What does
# that slip cost?


# %%
def tanh_layers(weight_var, layers=5, n=100):
    h = rng.standard_normal((300, n))
    for _ in range(layers):
        h = np.tanh(h @ rng.normal(0, weight_var**0.5, (n, n)))
    return h


right, slip = tanh_layers(2 / 200), tanh_layers((2 / 200) ** 0.5)
claim("Xavier: saturated units (|h| > 0.96) after 5 layers", (abs(right) > 0.96).mean(), high=0.02)
claim("its std taken for the variance: saturated", (abs(slip) > 0.96).mean(), low=0.4, high=0.53)

# %% [markdown]
# ### Exercise 01.1 · `init_std` · 2 points
#
# Write `init_std(scheme, fan_in, fan_out)`. `scheme` is `"lecun"`, `"xavier"` or `"he"`; the
# result is a number, the **standard deviation** of the weights.
#
# <details><summary>Hint 1</summary>
#
# The table above gives variances. What is between a variance and a standard deviation?
# </details>
#
# <details><summary>Hint 2</summary>
#
# A dict from scheme to variance keeps it short.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `variance = {"lecun": 1 / fan_in, ...}`, then return `variance[scheme] ** 0.5`.
# </details>


# %% exercise="01.1"
def init_std(scheme, fan_in, fan_out):
    """The std of the weights of a layer, a float, for "lecun", "xavier" or "he".

    fan_in, fan_out: how many inputs and outputs the layer has, integers of at least 1.
    """
    ### BEGIN SOLUTION
    variance = {"lecun": 1 / fan_in, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    return variance[scheme] ** 0.5
    ### END SOLUTION


# %% check="01.1"
check("01.1", init_std)

# %% [markdown]
# At work you call PyTorch. Its layout is (fan_out, fan_in), and it counts the fans itself:

# %%
weight = torch.empty(400, 100)  # fan_out 400, fan_in 100
generator = torch.Generator().manual_seed(SEED)
torch.nn.init.xavier_normal_(weight, generator=generator)
claim("torch's xavier_normal_, 100 → 400: std", weight.std().item(), low=0.0615, high=0.0650)
try:
    print(f"yours: {init_std('xavier', 100, 400):.4f}")
except NotImplementedError:
    print("not attempted yet: init_std; going on with PyTorch's version")

# %% [markdown]
# ### Uniform instead of normal
#
# Only the variance matters, not the shape. For $w \sim U[-a, a]$,
#
# $$\operatorname{Var}(w) = \frac{1}{2a}\int_{-a}^{a} w^2\,dw = \frac{a^2}{3}.$$

# %%
predict(
    "Some books give LeCun's uniform version as U[−√(1/n), √(1/n)]. Ten linear layers later, "
    "the variance of the signal is…",
    ["as at the start", "about 1/30 of it", "about 1/59,000 of it"],
    answer=2,
    because="U[−a, a] with a² = 1/n has the variance 1/(3n). Each layer multiplies the variance by "
    "1/3, and 3¹⁰ = 59,049.",
)


# %%
def linear_layers(bound, n=100, layers=10):
    h = rng.standard_normal((200, n))
    for _ in range(layers):
        h = h @ rng.uniform(-bound, bound, (n, n))
    return h.var()


misprint = [linear_layers((1 / 100) ** 0.5) for _ in seeds]
correct = [linear_layers((3 / 100) ** 0.5) for _ in seeds]
claim("bound √(1/n), ten layers: variance × 3¹⁰", np.mean(misprint) * 3**10, low=0.5, high=1.7)
claim("bound √(3/n), ten layers: variance", np.mean(correct), low=0.5, high=1.7)

# %% [markdown]
# That bound is not only a misprint. It is **PyTorch's default**: `nn.Linear` calls
# `kaiming_uniform_(a=√5)`, whose gain is $\sqrt{2/(1+5)}$. The bound is
# $\sqrt{3}\cdot\sqrt{1/3}\,/\sqrt{n} = 1/\sqrt{n}$, so that $n\operatorname{Var}(w) = 1/3$. The
# name says "Kaiming", the number is a sixth of his.

# %%
torch.manual_seed(SEED)  # nn.Linear takes no generator
default = torch.nn.Linear(400, 400).weight.detach()
claim("nn.Linear as it comes: fan_in · Var(w)", 400 * default.var(), low=0.32, high=0.347)
claim("its largest weight, times √fan_in", 20 * default.abs().max(), low=0.99, high=1.0001)

# %% [markdown]
# ### Exercise 01.2 · `uniform_bound` · 1 point
#
# Write `uniform_bound(scheme, fan_in, fan_out)`: the bound $a$ for which $U[-a, a]$ has the same
# variance as the scheme's normal version.
#
# <details><summary>Hint 1</summary>
#
# Set $a^2/3$ equal to the scheme's variance and solve for $a$.
# </details>
#
# <details><summary>Hint 2</summary>
#
# $a = \sqrt{3}\cdot\text{std}$. The cell needs the three variances again.
# </details>
#
# <details><summary>Hint 3</summary>
#
# He: $a = \sqrt{6/n_\text{in}}$. The other two go the same way.
# </details>


# %% exercise="01.2"
def uniform_bound(scheme, fan_in, fan_out):
    """The bound a > 0 of U[−a, a] with the variance of "lecun", "xavier" or "he"; a float."""
    ### BEGIN SOLUTION
    variance = {"lecun": 1 / fan_in, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    return (3 * variance[scheme]) ** 0.5
    ### END SOLUTION


# %% check="01.2"
check("01.2", uniform_bound)

# %% [markdown]
# ## 3 Backward, the other fan counts · 15 minutes
#
# A unit's gradient is a sum over the units that it feeds:
# $\partial\text{loss}/\partial h_i = \sum_{k=1}^{n_\text{out}} w_{ik}\,\delta_k$, where
# $\delta_k = \partial\text{loss}/\partial z_k$. The same reasoning gives
#
# $$\text{forward: } n_\text{in}\operatorname{Var}(w)
#   \qquad\qquad \text{backward: } n_\text{out}\operatorname{Var}(w).$$
#
# Both are 1 only if $n_\text{in} = n_\text{out}$. Otherwise something has to give.

# %%
predict(
    "A linear layer goes from 32 to 512 units. Xavier divides by the mean of the two fans. "
    "Which variance does it keep?",
    ["forward only", "backward only", "both, roughly", "neither"],
    answer=3,
    because="2/(32+512) gives the factors 32·2/544 ≈ 0.12 forward and 512·2/544 ≈ 1.9 backward. "
    "The compromise is exact for neither; it limits the worse one.",
)


# %%
def measure_factors(weight_var, fan_in=32, fan_out=512, draws=20):
    """Measured variance factors of a linear layer, forward and backward."""
    factors = []
    for _ in range(draws):
        w = rng.normal(0, weight_var**0.5, (fan_in, fan_out))
        h, delta = rng.standard_normal((100, fan_in)), rng.standard_normal((100, fan_out))
        factors.append(((h @ w).var(), (delta @ w.T).var()))
    return np.mean(factors, axis=0)


forward_kept, backward_kept = measure_factors(1 / 32), measure_factors(1 / 512)
compromise = measure_factors(2 / 544)
claim("variance 1/fan_in: backward factor (16 = 512/32)", forward_kept[1], low=15, high=17)
claim("variance 1/fan_out: forward factor (1/16 = 0.0625)", backward_kept[0], low=0.058, high=0.067)
claim("Xavier: forward factor", compromise[0], low=0.11, high=0.126)
claim("Xavier: backward factor", compromise[1], low=1.8, high=2.0)

# %% [markdown]
# ### Exercise 01.3 · `variance_ratio` · 1 point
#
# Write `variance_ratio(scheme, fan_in, fan_out)`, which returns the pair **(forward, backward)**
# of factors of the linear layer alone, $z = hW$, without any activation, for `"lecun"`, `"xavier"`
# and `"he"`.
#
# <details><summary>Hint 1</summary>
#
# The two formulas are right above the prediction.
# </details>
#
# <details><summary>Hint 2</summary>
#
# They need a variance, not a standard deviation.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `return fan_in * variance, fan_out * variance`
# </details>


# %% exercise="01.3"
def variance_ratio(scheme, fan_in, fan_out):
    """(forward, backward): the factors by which a linear layer multiplies the variance of its
    inputs, and of the gradients that come back; floats, for "lecun", "xavier" or "he".
    """
    ### BEGIN SOLUTION
    variances = {"lecun": 1 / fan_in, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    variance = variances[scheme]
    return fan_in * variance, fan_out * variance
    ### END SOLUTION


# %% check="01.3"
check("01.3", variance_ratio)

# %% [markdown]
# ### Written question 01.w · 2 points
#
# A layer has `fan_in` ≠ `fan_out`, so one of the two
# conditions must be given up. Which one would you give up, and what happens to the other
# direction? Give the factor. When does the choice hardly matter? (Think of a network whose widths
# go 64, 512, 256, 10, and multiply the factors of all its layers.)

# %% [markdown] written="01.w"
# ### BEGIN SOLUTION
# Keeping the forward variance (1/fan_in, or 2/fan_in with ReLU) makes the gradient's variance
# change by fan_out/fan_in in this layer; keeping the backward variance makes the signal's change
# by fan_in/fan_out. I would keep forward: the loss and the logits then start at a sensible size,
# and a gradient that is too large or too small everywhere can be taken up by the learning rate
# (Adam divides it out). Over the whole network the factors telescope: the product of
# fan_out/fan_in is the last width over the first, however many layers there are. So the choice
# hardly matters for a network whose ends are similar in size; it would matter if the same mismatch
# met a shared learning rate in layers of very different width.
# ### END SOLUTION

# %% [markdown]
# ## 4 Many layers · 20 minutes
#
# A factor of 0.9 or 1.1 per layer is nothing. To the tenth power it is 0.35 or 2.6; to the
# fiftieth, 0.005 or 117. To see what happens, keep every layer's output.
#
# ### Exercise 01.4 · `forward` · 1 point
#
# Write `forward(x, weights, activation)`. `weights` is a list of matrices of shape (fan_in,
# fan_out). There are no biases. Every layer, also the last, computes $h \leftarrow \varphi(hW)$.
# Return the list of all layers' activations, without the input.
#
# <details><summary>Hint 1</summary>
#
# Inputs are rows: a layer is `h @ w`, then the function `ACTIVATIONS[activation]`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A loop over `weights` in which `h` becomes the next layer's input, and is appended to a list.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `h = ACTIVATIONS[activation](h @ w)`, then `outputs.append(h)`.
# </details>

# %% exercise="01.4"
ACTIVATIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


def forward(x, weights, activation):
    """The activations of all layers: a list of arrays (n, fan_out), one per matrix.

    x: inputs (n, d). weights: list of (fan_in, fan_out). activation: a key of ACTIVATIONS.
    """
    ### BEGIN SOLUTION
    outputs = []
    h = x
    for w in weights:
        h = ACTIVATIONS[activation](h @ w)
        outputs.append(h)
    return outputs
    ### END SOLUTION


# %% check="01.4"
check("01.4", forward)

# %% [markdown]
# ### Two kinds of spread
#
# A layer's activations form a table: inputs are rows, units are columns. Their variance has two
# parts, exactly:
#
# $$\underbrace{\operatorname{Var}(h)}_{\text{overall}}
#   = \underbrace{\text{mean over units of } \operatorname{Var}_\text{inputs}(h_j)}_
#     {\text{across inputs: information}}
#   + \underbrace{\operatorname{Var}_\text{units}(\bar h_j)}_{\text{offsets of the units}}$$
#
# A histogram of all activations shows the sum. Only the first part can tell one input from another.

# %% [markdown]
# ### Exercise 01.5 · `layer_statistics` · 1 point
#
# Write `layer_statistics(activations, activation)`, which returns a dict of three arrays, with one
# entry per layer:
# - `"std"`: the standard deviation of all entries;
# - `"across"`: $\sqrt{\text{mean over units of the variance over inputs}}$ (the first part above,
#   as a std);
# - `"saturated"`: the share of entries strictly below 0.02 or above 0.98 (sigmoid), strictly
#   beyond ±0.96 (tanh), exactly 0 (ReLU).
#
# Variances divide by $n$ (NumPy's default).
#
# <details><summary>Hint 1</summary>
#
# `h.var(0)` is each unit's variance over the inputs, an array with one entry per unit.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The mean of a boolean array is a share: `(h == 0).mean()`.
# </details>
#
# <details><summary>Hint 3</summary>
#
# Build three lists in one loop over the layers, and make each an array at the end (`np.array`).
# `across` is `np.sqrt(h.var(0).mean())`; for tanh, `(np.abs(h) > 0.96).mean()`.
# </details>


# %% exercise="01.5"
def layer_statistics(activations, activation):
    """{"std": (L,), "across": (L,), "saturated": (L,)} of L layers' activations, each (n, units).

    activation: "sigmoid", "tanh" or "relu".
    """
    ### BEGIN SOLUTION
    saturated = {
        "sigmoid": lambda h: (h < 0.02) | (h > 0.98),
        "tanh": lambda h: np.abs(h) > 0.96,
        "relu": lambda h: h == 0,
    }[activation]
    return {
        "std": np.array([h.std() for h in activations]),
        "across": np.array([np.sqrt(h.var(0).mean()) for h in activations]),
        "saturated": np.array([saturated(h).mean() for h in activations]),
    }
    ### END SOLUTION


# %% check="01.5"
check("01.5", layer_statistics)

# %% [markdown]
# ### Theory for all layers at once
#
# In a wide network, $z$ is normal with a variance $q$. Then one number follows from the one before:
#
# $$q_{l+1} = \sigma_w^2\, \mathbb{E}\big[\varphi(\sqrt{q_l}\,g)^2\big], \qquad
#   \chi_l = \sigma_w^2\, \mathbb{E}\big[\varphi'(\sqrt{q_l}\,g)^2\big], \qquad
#   g \sim \mathcal{N}(0,1),\ \sigma_w^2 = n\operatorname{Var}(w).$$
#
# $\chi$ is the backward factor: what one layer does to the variance of the gradient.
# `meanfield.predict_signals` computes both, and the spread across inputs. The theory is for
# infinitely wide layers. How near is the mean of twenty networks of width 100, and how near is one?

# %%
from helpers import initialization as init
from helpers import meanfield

twenty = range(100 * SEED, 100 * SEED + 20)
draws = [init.draw(seed) for seed in twenty]  # random matrices, drawn once: width 100, 30 layers


def measure(activation, scheme, depth=10, networks=5):
    """Signals of one network per seed."""
    settings = {"activation": activation, "scheme": scheme, "gain": 1.0, "depth": depth}
    return [init.measure_signals(d, **settings) for d in draws[:networks]]


for activation, scheme in [("tanh", "He"), ("relu", "He"), ("sigmoid", "std 1")]:
    found = measure(activation, scheme, depth=30, networks=20)
    theory = meanfield.predict_signals(activation, 30, weight_var=init.WEIGHT_VARS[scheme])
    ratio = 10 ** (np.array([m.log_std for m in found]) - np.log10(theory.std))  # (seeds, 30)
    mean = np.exp(np.log(ratio).mean(0))[:10]  # geometric
    claim(f"{activation}, {scheme}: std in ten layers / theory", mean, low=0.7, high=1.4)
    apart = np.exp(abs(np.log(ratio[:, 29])).max())  # the network farthest from theory, as a factor
    low, high = (1.5, 15) if activation == "relu" else (1, 1.3)
    claim("  layer 30, the network farthest from theory: off by", apart, low=low, high=high)

# %% [markdown]
# So theory is about right on average over ten layers. In the tanh and the sigmoid network it is
# right for a single one, too; of twenty ReLU networks of thirty layers the farthest is usually off
# by a factor of three or more. Nothing brings a ReLU network's spread back, so its chance
# deviations multiply.

# %%
predict(
    "tanh, ten layers of width 100, weights of std 1. More than 80 % of the units are saturated, "
    "where tanh has hardly any slope. On its way down, the gradient…",
    ["vanishes", "stays as it is", "explodes"],
    answer=2,
    because="Most units pass nothing on, but those that do pass it on through weights that are ten "
    "times too large: σ_w² = 100. At this width the product is above 1. See the figure.",
)

# %% [markdown]
# ### Explore: signals through a deep network
#
# Top: histograms of six layers. Middle: the same activations as a table, 24 inputs by 40 units.
# Bottom: the spread over depth, with theory drawn through the measured dots. The network is not
# trained and has no loss: a gradient of normal numbers with std 1 comes in at the top, as some
# loss might send it.
#
# The headline compares the first layer with the last: beyond a factor of 10 signals *fade* or
# *grow*, beyond 100 they *vanish* or *explode*. Inputs *align* when more than half of the variance
# is offsets, and have *collapsed* when more than 99 % is. A share of *saturated* units is told when
# it is above one half in the last layer: tanh beyond ±0.96, sigmoid below 0.02 or above 0.98.
#
# Try in this order:
# 1. tanh + Xavier, then *He*, then *std 0.01*, then *std 1*. What do the histograms show, and what
#    do the gradients do?
# 2. relu + He at depth 10 and 30, then relu + Xavier and relu + PyTorch's default. (The weights
#    are each scheme's; biases are zero in all of them.)

# %%
from helpers.plots.initialization import signal_figure

fig, update, alt = signal_figure(draws[0])
explore(
    fig, update, alt=alt, activation=["tanh", "relu", "sigmoid"], scheme=list(init.WEIGHT_VARS),
    gain=(0.5, 3.0, 1.0), depth=(6, 30, 10),
)  # fmt: skip

# %% [markdown]
# Xavier and LeCun are one here, because all layers have 100 inputs and 100 outputs. And one detail
# that many texts have wrong: with tanh + Xavier the spread does not settle, it goes on falling,
# with $\operatorname{Var}(h_l) \approx 1/(2l)$.

# %%
tanh_xavier = measure("tanh", "Xavier (= LeCun here)", depth=30)
variances = np.mean([10 ** (2 * m.log_std) for m in tanh_xavier], axis=0)  # (30,)
scaled = 2 * np.arange(1, 31) * variances
claim("tanh + Xavier: 2l·Var(h) in layers 10 to 30", scaled[9:], low=0.6, high=1.5)
small = measure("tanh", "std 0.01")
claim("std 0.01: log10 of the std in layer 10", [m.log_std[-1] for m in small], high=-8)
claim("std 0.01: log10 of gradient, layer 1 / layer 10", [m.log_returned for m in small], high=-7)

# %% [markdown]
# ## 5 Three things that a histogram does not tell you · 10 minutes
#
# **First: saturated does not mean vanishing.** "Weights of std 1 saturate tanh, so gradients
# vanish" is in many texts. At width 100 they explode. The backward factor is $\sigma_w^2$, here
# equal to $n$, times the share of units with slope. That share falls only like $1/\sqrt{q}$.

# %%
large = measure("tanh", "std 1")
ratios = [m.log_returned for m in large]
claim("tanh, std 1: saturated in layer 10", [m.saturated[-1] for m in large], low=0.8, high=0.88)
claim("tanh, std 1: log10 of gradient, layer 1 / layer 10", ratios, low=2)


def backward_factor(activation, width):
    """χ: the factor of the gradient's variance per layer, weights of std 1, by theory."""
    gradient = meanfield.predict_signals(activation, 10, weight_var=width).gradient  # stds
    return (gradient[0] / gradient[-1]) ** (2 / 9)


for width in (25, 100, 400):
    factors = [f"{name} × {backward_factor(name, width):.2f}" for name in ("tanh", "sigmoid")]
    print(f"width {width}, variance of the gradient per layer: {', '.join(factors)}")
measured = 10 ** (2 * np.mean(ratios) / 9) / backward_factor("tanh", 100)
claim("tanh, width 100: measured factor / theory", measured, low=0.75, high=1.3)
claim("sigmoid, width 100: factor", backward_factor("sigmoid", 100), low=0.85, high=1.1)

# %% [markdown]
# So a sigmoid network with weights of std 1 has a factor near 1 at width 100, by coincidence:
# the gradients of narrower ones vanish, those of wider ones explode.
#
# **Second: healthy histograms can hide a collapse.** Sigmoid + Xavier has a fine spread in every
# layer. But it is all offset.

# %%
predict(
    "Ten sigmoid layers with Xavier, on the digits. The histogram of layer 10 has a std of 0.12. "
    "Of one unit, over all images, the std is about…",
    ["0.12", "0.01", "0.0000003"],
    answer=2,
    because="A sigmoid's output is around 0.5. This mean is the same for every input, and it makes "
    "an offset in the next layer that swamps the differences; each layer shrinks them by four.",
)

# %% [markdown]
# Now go back to the figure: sigmoid + Xavier. The histograms look fine, the stripes below do not.
# A careful reader of histograms sees something too: from layer 3 on they are combs. Each of the
# 100 units gives nearly the same value for every input.
#
# Take real inputs, standardized digits, and ask a third question: can a linear classifier still
# read the class off layer $l$? This is a **linear probe**: here ridge regression (a linear fit with
# a penalty, lesson 02) on the activations of 800 images, tested on 400.

# %%
from helpers import deep_digits

pairs = [("sigmoid", "xavier"), ("relu", "he"), ("tanh", "xavier"), ("tanh", 1.0)]
table = {p: deep_digits.examine_digits(seeds, activation=p[0], scheme=p[1]) for p in pairs}
print("network         layer   std overall   across inputs   cosine of two   linear probe")
for (activation, scheme), found in table.items():
    name = f"std {scheme:g}" if isinstance(scheme, float) else scheme
    for layer, (std, across, cosine, hits) in zip(deep_digits.EXAMINED, found.mean(0), strict=True):
        row = f"{activation:8}{name:8}{layer:5}"
        print(f"{row}{std:14.3f}{across:16.2g}{cosine:16.3f}{hits:15.2f}")

# %%
sigmoid, he = table["sigmoid", "xavier"], table["relu", "he"]  # (seeds, layers 1 10 50, 4 numbers)
claim("sigmoid + Xavier, layer 10: std over everything", sigmoid[:, 1, 0], low=0.09, high=0.16)
claim("the same across inputs", sigmoid[:, 1, 1], low=2e-7, high=4.5e-7)
claim("its cosine between two different digits", sigmoid[:, 1, 2], low=0.9999)
claim("sigmoid + Xavier, layer 50: linear probe (chance is 0.1)", sigmoid[:, 2, 3].mean(), high=0.3)

# %% [markdown]
# A probe still reads the classes in layer 10, from the last digits of the numbers, after each
# feature was magnified to std 1. Gradient descent has no such magnifier. By layer 50 even
# float32's last digit is gone.
#
# PyTorch's default hides the same thing in ReLU networks. `nn.Linear` draws its biases at random,
# too. The weights let the signal fade; the biases put an offset in its place:


# %%
def spread_of_logits(seed, bias, layers=10, n=100):
    """Std of the logits of nn.Linear + ReLU × 10, over everything and across inputs."""
    torch.manual_seed(seed)  # nn.Linear takes no generator
    h = torch.randn(256, n)
    for _ in range(layers):
        h = torch.relu(torch.nn.Linear(n, n, bias=bias)(h))
    z = torch.nn.Linear(n, 10, bias=bias)(h).detach()
    return z.std().item(), z.var(0).mean().sqrt().item()


with_biases, without = (
    np.array([spread_of_logits(s, bias) for s in seeds]) for bias in (True, False)
)
claim("nn.Linear × 10, its biases: std of the logits", with_biases[:, 0], low=0.02, high=0.12)
claim("the same across inputs", with_biases[:, 1], low=1e-5, high=1e-4)
claim("without biases: std of the logits", without[:, 0], high=3e-4)

# %% [markdown]
# **Third: He keeps the spread while inputs align.** ReLU with He passes every test on means and
# stds: after fifty layers the std is still within a factor of a few. Yet the cosine between two
# inputs rises layer by layer: the outputs are all positive, so they share a direction, and the
# share grows. Theory knows it: the map of cosines has its only fixed point at 1.

# %%
change = np.exp(np.log(he[:, 2, 0] / he[:, 0, 0]).mean())  # geometric mean over seeds
claim("relu + He: std in layer 50 / std in layer 1", change, low=0.15, high=3)
claim("cosine of two digits in layer 1", he[:, 0, 2].mean(), low=0.25, high=0.45)
claim("cosine in layer 10", he[:, 1, 2].mean(), low=0.75, high=0.95)
claim("cosine in layer 50", he[:, 2, 2].mean(), low=0.96)
claim("linear probe, layer 1", he[:, 0, 3].mean(), low=0.88)
claim("linear probe, layer 50", he[:, 2, 3].mean(), high=0.55)
claim("tanh + Xavier, layer 50: linear probe", table["tanh", "xavier"][:, 2, 3].mean(), low=0.6)
claim("tanh, std 1, layer 10: linear probe", table["tanh", 1.0][:, 1, 3].mean(), high=0.4)

# %% [markdown]
# And one thing that does *not* change: the share of zeros in a ReLU network does not depend on the
# weights' scale. ReLU only looks at signs.

# %%
zeros = [[m.saturated for m in measure("relu", s)] for s in ("He", "std 1", "std 0.01")]
claim("share of exact zeros: He against std 1 and std 0.01", np.ptp(zeros, axis=0), high=0.001)
claim("that share, mean over layers and seeds", np.mean(zeros), low=0.42, high=0.58)

# %% [markdown]
# ## 6 All directions at once: the Jacobian · 15 minutes
#
# A variance is an average over directions. The network's Jacobian $J = \partial h_L / \partial x$
# says more: its singular values tell by how much each direction is stretched. In a product of
# Gaussian matrices the mean square stays 1, while single directions drift apart exponentially.

# %%
predict(
    "Ten linear layers of width 100 with the right variance, 1/n. Of the 100 directions of the "
    "input, how many come out with at least a tenth of the largest one's length?",
    ["all 100", "about 70", "about 23"],
    answer=2,
    because="Each Gaussian matrix has singular values from nearly 0 to 2. Ten in a row spread them "
    "over more than ten decades; the mean square is kept by a few very long directions.",
)

# %% [markdown]
# ### Explore: stretched directions
#
# Left: the singular values after some layers, the largest first. Right: how many directions are
# kept. Compare Gaussian with orthogonal weights, first *linear*, then *tanh*. What does *relu* do
# to both?

# %%
from helpers import isometry
from helpers.plots.spectra import KINDS, draw_losses, draw_meeting, spectrum_figure


def spectra_of(activation, kind, seed):
    """Singular values after 1 to 50 layers, (50, 100)."""
    rng, flat = np.random.default_rng([seed, 3]), kind == "orthogonal"
    return isometry.jacobian_spectra(rng, activation=activation, orthogonal=flat, depth=50)


spectra = {(a, k): spectra_of(a, k, seeds[0]) for a in isometry.CRITICAL_GAINS for k in KINDS}
fig, update, alt = spectrum_figure(spectra)
explore(
    fig, update, alt=alt, play="depth", activation=list(isometry.CRITICAL_GAINS), depth=(1, 50, 10)
)

# %% [markdown]
# (The gain is 1, and √2 for ReLU: then the mean square neither grows nor fades with depth.)
#
# **Orthogonal** matrices have all singular values equal to 1, and so have their products. With
# tanh and small inputs nearly all of this survives 50 layers. A network whose Jacobian has all
# its singular values near 1 is said to have *dynamical isometry*. With ReLU it does not, whatever
# the matrix: the first layer removes about half of the directions for good, later ones ever fewer
# (of 100, about 40 are left after ten layers, and 30 to 40 after fifty), and what is left is
# stretched unevenly. At ten layers orthogonal weights keep more than Gaussian ones; at fifty both
# keep so few that in a single pair of networks, such as the figure's, either may be ahead.


# %%
def decades(spectrum, rank):
    """log10 of the largest singular value over that of a rank."""
    return np.log10(spectrum[0] / spectrum[rank])


linear = [  # (5 seeds): 10 layers, (100,) each
    isometry.jacobian_spectra(
        np.random.default_rng([seed, 3]), activation="linear", orthogonal=False, depth=10
    )[-1]
    for seed in seeds
]
spans = [decades(spectrum, -1) for spectrum in linear]
claim("linear, Gaussian, 10 layers: decades from first to last", spans, low=10)
kept = isometry.count_kept(np.array(linear)).mean()
claim("of 100 directions, kept above a tenth, mean", kept, low=20, high=27)
flat = spectra["linear", "orthogonal"][49]
claim("linear, orthogonal, 50 layers: largest − smallest", np.ptp(flat), high=1e-12)
to_median = decades(spectra["tanh", "Gaussian"][49], 50)
claim("tanh, Gaussian, 50 layers: decades from largest to median", to_median, low=6)
claim("tanh, orthogonal: all decades", decades(spectra["tanh", "orthogonal"][49], -1), high=0.6)

# %%
relu_spectra = {k: np.array([spectra_of("relu", k, s) for s in seeds]) for k in KINDS}
relu_kept = {k: isometry.count_kept(found).mean(0) for k, found in relu_spectra.items()}  # (50,)
for kind, found in relu_spectra.items():  # (seeds, 50, 100)
    left = (found > 1e-12 * found[..., :1]).sum(-1).mean(0)  # (50,): not zero, but for rounding
    claim(f"relu, {kind}: directions that 1 layer leaves, of 100", left[0], low=40, high=62)
    claim("directions that 10 layers leave", left[9], low=34, high=50)
    claim("directions that 50 layers leave", left[49], low=28, high=40)
claim("relu, 10 layers: directions kept, Gaussian", relu_kept["Gaussian"][9], low=9, high=19)
claim("relu, 10 layers: directions kept, orthogonal", relu_kept["orthogonal"][9], low=14, high=27)
claim("relu, 50 layers: directions kept, both", [relu_kept[k][49] for k in KINDS], high=10)
more = relu_kept["orthogonal"] - relu_kept["Gaussian"]
claim("orthogonal minus Gaussian, 10 layers", more[9], low=3, high=14)
claim("orthogonal minus Gaussian, 50 layers", more[49], low=-0.5, high=6)

# %% [markdown]
# ### Exercise 01.6 · `orthogonal` · 2 points
#
# Write `orthogonal(rows, cols, gain, rng)`: a random orthogonal matrix of shape (rows, cols) times
# `gain`. If `rows >= cols` its columns are orthonormal (before the gain), else its rows. Draw with
# `rng.standard_normal`, then use `np.linalg.qr`.
#
# Every orthogonal matrix shall be equally likely. QR chooses signs by a rule of its own; multiply
# each column of $Q$ by the sign of $R$'s diagonal entry and the rule is gone (Mezzadri 2007).
#
# <details><summary>Hint 1</summary>
#
# `q, r = np.linalg.qr(a)` of a *tall* `a` gives orthonormal columns in the shape of `a`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For a wide matrix, make the tall one of shape (cols, rows), and transpose at the end.
# </details>
#
# <details><summary>Hint 3</summary>
#
# `q = q * np.sign(np.diag(r))` multiplies the columns. Then transpose if `rows < cols`, then the
# gain.
# </details>


# %% exercise="01.6"
def orthogonal(rows, cols, gain, rng):
    """A random (rows, cols) array: orthonormal columns (rows if rows < cols), times gain > 0.

    rng: the np.random.Generator to draw from.
    """
    ### BEGIN SOLUTION
    tall = rng.standard_normal((max(rows, cols), min(rows, cols)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))
    return gain * (q if rows >= cols else q.T)
    ### END SOLUTION


# %% check="01.6"
check("01.6", orthogonal)

# %%
weight = torch.nn.init.orthogonal_(torch.empty(3, 5), generator=generator)
claim("torch's orthogonal_(3, 5): WWᵀ − I", weight @ weight.T - torch.eye(3), low=-1e-5, high=1e-5)
try:
    yours = orthogonal(3, 5, 1.0, np.random.default_rng(0))
    print(f"yours: largest entry of |WWᵀ − I| is {abs(yours @ yours.T - np.eye(3)).max():.1e}")
except NotImplementedError:
    print("not attempted yet: orthogonal; going on with PyTorch's version")

# %% [markdown]
# ## 7 Order and chaos · 5 minutes
#
# Take two inputs and follow their cosine, in tanh layers. With small gains every pair meets
# (**order**: the network becomes constant, gradients vanish). With large gains nearly equal inputs
# part, and all pairs go to one and the same cosine below 1 (**chaos**: the network becomes a hash,
# gradients explode). Between them lies the **critical** gain, at which $\chi = 1$. With biases of
# std 0.3, theory puts it near 1.4.
#
# Dots and bars are the mean and the std of twenty seeds at width 200. The lines are theory, for
# infinitely wide layers; at width 200 a mean may be off by a tenth or so.

# %%
gains, starts, depth = (1.0, 1.5, 2.0, 3.0), (0.5, 0.99), 30
rngs = [np.random.default_rng([seed, 4]) for seed in twenty]
cosines = np.array([isometry.meet_or_part(r, gains, starts=starts, depth=depth) for r in rngs])
settings = {"depth": depth, "bias_var": 0.3**2}
fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.6), sharey=True)
for k, start in enumerate(starts):
    theory = [
        meanfield.predict_signals("tanh", weight_var=g**2, input_cosine=start, **settings).cosine
        for g in gains
    ]
    lines = np.column_stack([np.full(len(gains), start), theory])  # (gains, depth + 1)
    draw_meeting(axes[k], cosines[:, :, k], lines, gains, start=start)
axes[0].set_ylabel("cosine of two inputs")
plots.show(
    fig,
    alt="Cosine of two inputs over 30 tanh layers: dots with error bars over 20 seeds on theory "
    "lines. Gain 1: both pairs go to 1. Gain 3: both fall to near 0, also from 0.99.",
)

# %%
final = cosines[..., -1].mean(0)  # (gains, starts)
claim("gain 1: cosines after 30 layers", final[0], low=0.99)
claim("gain 3: cosines after 30 layers, also from 0.99", final[3], high=0.35)
claim("gain 1.5, just above critical: 0.5 rises to", final[1, 0], low=0.52, high=0.85)
claim("gain 1.5: 0.99 falls to", final[1, 1], low=0.85, high=0.98)


def meet(gain, start, layers, bias_var=0.3**2):
    """The cosine of two inputs after some layers of tanh, by theory."""
    settings = {"weight_var": gain**2, "bias_var": bias_var, "input_cosine": start}
    return meanfield.predict_signals("tanh", layers, **settings).cosine[-1]


met = [meet(1.5, start, 200) for start in (0.1, 0.5, 0.99)]
claim("gain 1.5 after 200 layers, from 0.1, 0.5, 0.99, theory", met, low=0.73, high=0.76)
critical = meanfield.critical_gain("tanh", bias_var=0.3**2)
claim("critical gain of tanh with bias std 0.3, theory", critical, low=1.38, high=1.41)

# %% [markdown]
# Without biases the critical gain of tanh is 1. Nothing draws two inputs together: below 1 tanh
# is nearly linear and cosines stay. Above 1 every pair goes to 0, slowly near 1, fast at 3.

# %%
claim("no biases, gain 0.8: 0.5 after 30 layers", meet(0.8, 0.5, 30, 0.0), low=0.45, high=0.5)
claim("no biases, gain 1.5: 0.5 after 30 layers", meet(1.5, 0.5, 30, 0.0), low=0.07, high=0.11)
claim("no biases, gain 1.5: 0.99 after 30 layers", meet(1.5, 0.99, 30, 0.0), low=0.6, high=0.73)
claim("no biases, gain 3: 0.99 after 30 layers", meet(3.0, 0.99, 30, 0.0), high=0.02)
claim("critical gain without biases", meanfield.critical_gain("tanh"), low=0.99, high=1.03)

# %% [markdown]
# ## 8 Does it matter for training? · 5 minutes
#
# Enough of statistics at step 0: train. **SGD** (stochastic gradient descent) makes each step with
# the gradient of a small batch, here 64 images. **Adam** also gives each weight a rate of its own
# (lesson 03). Same data, same batches, same number of updates, four seeds per curve, width 64.
# Biases start at zero: the schemes differ in weights only.

# %%
predict(
    "A ReLU network of ten hidden layers, 160 steps of SGD, biases start at zero. Which start does "
    "not train at all?",
    ["only std 0.01", "std 0.01 and PyTorch's default", "all train, at different speeds"],
    answer=1,
    because="With biases zero, the default's weights have the factor √(1/6) per layer with ReLU: "
    "after ten layers the signal is down to about 1/8000, and so is the gradient.",
)

# %%
four = seeds[:4]
relu = {
    s: deep_digits.train_digits(four, activation="relu", scheme=s, layers=10, lr=0.05, steps=160)
    for s in (0.01, "torch", "xavier", "he")
}
claim("relu × 10, std 0.01: test accuracy", relu[0.01].accuracy, high=0.2)
claim("relu × 10, PyTorch's default: test accuracy", relu["torch"].accuracy, high=0.2)
claim("relu × 10, Xavier: test accuracy, mean", relu["xavier"].accuracy.mean(), low=0.13, high=0.8)
claim("relu × 10, He: test accuracy, mean", relu["he"].accuracy.mean(), low=0.65)
start = relu["he"].loss[0].mean()
claim("relu × 10, He: training loss before the first step, mean", start, low=2.31, high=3.4)


# %%
def train_sigmoid(scheme, optimizer, lr):
    settings = {"scheme": scheme, "optimizer": optimizer, "lr": lr}
    return deep_digits.train_digits(four, activation="sigmoid", layers=5, steps=200, **settings)


sigmoid = {
    "SGD, std 1": train_sigmoid(1.0, "sgd", 0.5),
    "SGD, Xavier": train_sigmoid("xavier", "sgd", 0.5),
    "Adam, std 1": train_sigmoid(1.0, "adam", 0.003),
    "Adam, Xavier": train_sigmoid("xavier", "adam", 0.003),
}
claim("sigmoid × 5, SGD, std 1: test accuracy", sigmoid["SGD, std 1"].accuracy, low=0.75)
claim("sigmoid × 5, SGD, Xavier: test accuracy", sigmoid["SGD, Xavier"].accuracy, high=0.25)
with_adam = sigmoid["Adam, Xavier"].accuracy.mean()
claim("sigmoid × 5, Adam, Xavier: test accuracy, mean", with_adam, low=0.45)
start = sigmoid["SGD, std 1"].loss[0].mean()
claim("sigmoid × 5, std 1: training loss before the first step, mean", start, low=4)
ahead = sigmoid["Adam, std 1"].accuracy - sigmoid["Adam, Xavier"].accuracy
claim("Adam: std 1 minus Xavier, accuracy, mean of paired seeds", ahead.mean(), low=0.02, high=0.4)

# %%
fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.6))
steps = relu["he"].steps
names = {0.01: "std 0.01", "torch": "nn.Linear", "xavier": "Xavier", "he": "He"}
draw_losses(axes[0], steps, {names[k]: run.loss for k, run in relu.items()}, top=3.4)
draw_losses(
    axes[1], sigmoid["SGD, std 1"].steps, {k: run.loss for k, run in sigmoid.items()}, top=3.4
)
plots.label_axes(axes[0], title="ReLU, ten layers, SGD", x="update", y="training loss")
plots.label_axes(axes[1], title="Sigmoid, five layers", x="update")
plots.show(
    fig,
    alt="Training loss over updates, mean and std of four seeds, up to 3.4. ReLU: He starts above "
    "log 10 and falls to near 0, Xavier starts to fall late, nn.Linear's default and std 0.01 stay "
    "at log 10. Sigmoid: std 1 comes in from above the axis and falls to near 0 with SGD and with "
    "Adam; Xavier falls with Adam, not as low, and stays near log 10 with SGD.",
)

# %% [markdown]
# Lines are means, bands show the std over four seeds. (*Std 1* starts above the axis, at more than
# 4 on average: its first logits are large, and so is its first loss. For the same reason He starts
# above log 10. He trains, but not each network fast: with other seeds one of four lags behind now
# and then, and with it the mean.)
#
# "The sigmoid wants Xavier" is not what we see at depth 5. With SGD at this rate Xavier does not
# train at all, while std 1 does. Adam divides the tiny gradients by their own size, and so it gets
# through; but after 200 steps std 1 is ahead under Adam, too.
#
# Does isometry help? Twenty tanh layers, Gaussian against orthogonal, gain 1.1, same learning rate:

# %%
deep = {
    s: deep_digits.train_digits(
        four, activation="tanh", scheme=s, layers=20, lr=0.03, steps=80, gain=1.1
    )
    for s in ("lecun", "orthogonal")
}
gap = deep["orthogonal"].accuracy - deep["lecun"].accuracy
for scheme, run in deep.items():
    print(f"{scheme:10}", run.accuracy.round(3))
claim("orthogonal minus Gaussian, accuracy, mean of paired seeds", gap.mean(), low=0.005, high=0.15)

# %% [markdown]
# ## Summary
#
# - Equal units stay equal. Randomness breaks the tie; a thousandth is enough.
# - A layer multiplies the mean square by $n_\text{in}\operatorname{Var}(w)$ forward and
#   $n_\text{out}\operatorname{Var}(w)$ backward. LeCun keeps the first, Xavier stands between, He
#   doubles for ReLU.
# - Look at two spreads, overall and across inputs. The histogram shows only their sum.
# - Theory predicts the spread before you train: on average over networks, and in our tanh and
#   sigmoid networks for a single one. A single ReLU network of thirty layers may be off by a factor
#   of three.
# - A right variance is an average: single directions still die. Orthogonal matrices keep them in
#   linear networks, and in tanh networks with small inputs.
#
# ## Where textbooks disagree
#
# - *"Xavier is* $\mathcal{N}(0, \sqrt{2/(n_\text{in}+n_\text{out})})$*"*: as a std, yes. Taken as a
#   variance it saturates nearly half of the units in five layers of width 100 (section 2).
# - *"LeCun uniform is* $U[-\sqrt{1/n}, \sqrt{1/n}]$*"*: that has the variance $1/(3n)$, a third of
#   LeCun's. It is what `nn.Linear` does (section 2).
# - *"Xavier keeps both variances"*: neither, if the fans differ (section 3).
# - *"tanh + Xavier: the variance settles"*: it falls like $1/(2l)$ (section 4).
# - *"std 1 saturates, so gradients vanish"*: at width 100 they explode with tanh, and
#   nearly keep their size with the sigmoid (section 5).
# - *"Healthy histograms, healthy network"*: sigmoid + Xavier has fine histograms, and all inputs
#   look alike (section 5).
# - *"He solves ReLU"*: it keeps the spread. Inputs align, and a linear probe loses the classes
#   (section 5).
# - *"Orthogonal is better"*: it keeps all directions of linear and of tanh networks with small
#   inputs, and a tanh network trained somewhat better from it, at one rate. With ReLU it keeps a
#   few more than Gaussian weights, about 20 against 13 at ten layers, and loses most of them, too
#   (sections 6 and 8).
# - *"The sigmoid wants Xavier"*: at depth 5 std 1 is ahead, with SGD, where Xavier does not train
#   at all, and with Adam (section 8; one rate each).
#
# ## References
#
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller (1998). Efficient BackProp. In *Neural Networks:
#   Tricks of the Trade*. Springer.
# - X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep feedforward neural
#   networks. *AISTATS*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015). Delving deep into rectifiers: surpassing human-level
#   performance on ImageNet classification. *ICCV*.
# - A. M. Saxe, J. L. McClelland, S. Ganguli (2014). Exact solutions to the nonlinear dynamics of
#   learning in deep linear neural networks. *ICLR*.
# - B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein, S. Ganguli (2016). Exponential expressivity in
#   deep neural networks through transient chaos. *NeurIPS*.
# - S. S. Schoenholz, J. Gilmer, S. Ganguli, J. Sohl-Dickstein (2017). Deep information propagation.
#   *ICLR*.
# - J. Pennington, S. S. Schoenholz, S. Ganguli (2017). Resurrecting the sigmoid in deep learning
#   through dynamical isometry: theory and practice. *NeurIPS*.
# - F. Mezzadri (2007). How to generate random matrices from the classical compact groups. *Notices
#   of the AMS* 54(5).

# %%
progress("01")
