# %% [markdown]
# # 09 Noise, soft labels and flat minima
#
# Noise sounds like something to get rid of. This lesson adds it on purpose: to the inputs, to the
# weights, to the labels. Each time a formula says what the noise asks for, and a measurement says
# how far the formula holds.
#
# *95 minutes. Builds on lesson 02 (ridge), lesson 04 (noise as a penalty) and lessons 03 and 07
# (label noise).*
#
# After this lesson you will be able to
# - derive what noise on inputs and on weights costs: ridge, and ½σ² tr H;
# - say where that formula fails, and why;
# - judge the claim that flat minima generalize, by measuring both;
# - write label smoothing in both conventions, and say which logits it asks for;
# - measure calibration, and choose between soft labels and a temperature.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import sys

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse.linalg import lsqr
from tqdm import tqdm

from helpers import SEED, calibration, check, claim, flatness, noise, plots, predict, progress
from helpers.flatness import Method
from helpers.plots.calibration import explore_smoothing, plot_repairs
from helpers.plots.flatness import explore_minima, plot_batches, plot_methods
from helpers.plots.noise import explore_copies, plot_increase

seeds = range(100 * SEED, 100 * SEED + 8)

# %% [markdown]
# ## 1 Noise on the inputs · 20 minutes
#
# Copy your data a thousand times. Add fresh noise $N(0,\sigma^2)$ to every input of every copy, and
# keep the targets. Then fit a linear model to all of it.

# %%
predict(
    "Points near a line; their inputs are shaken sideways, their targets stay. "
    "What happens to the slope of the least-squares line?",
    ["nothing: the noise has mean zero", "it gets smaller", "it gets larger",
     "it varies, but is right on average"],
    answer=1,
    because="Noise sideways spreads the points but adds no height: the line lies down. "
    "The targets are now explained by inputs that are partly nonsense.",
)  # fmt: skip

# %% [markdown]
# Why? Take one example $x$ with target $y$, and noise $\epsilon$ on its inputs:
#
# $$\mathbb E\,\bigl(y - (x+\epsilon)^\top w\bigr)^2 = (y - x^\top w)^2
# - 2\,(y - x^\top w)\,\mathbb E\,\epsilon^\top w + \mathbb E\,(\epsilon^\top w)^2 .$$
#
# The middle term is zero. The last one is $\sigma^2\lVert w\rVert^2$. Sum over $n$ examples:
#
# $$\mathbb E\,\lVert y - (X+E)\,w\rVert^2 = \lVert y - Xw\rVert^2 + n\sigma^2\,\lVert w\rVert^2 .$$
#
# **Noise on the inputs is ridge with $\lambda = n\sigma^2$.** No approximation was made.
#
# ### Explore: copies and ridge
#
# Left: points on a line, moved sideways. Right: the same with 64 pixels of 150 digits (even or
# odd), every weight a dot.
#
# 1. One copy: how far is the fit from ridge? And with a thousand?
# 2. What changes the distance more: σ from one end to the other, or ten times the copies?
#
# The column of dots at zero: pixels that are blank in all 150 digits. Ridge gives them no weight; a
# few copies see only noise there, and fit it.

# %%
X, y = noise.centered_digits(100 * SEED, n=150)
copies = noise.NoisyCopies(X, y, rng=np.random.default_rng([SEED, 1]))
explore_copies(copies, seed=SEED)


# %%
def ridge_of(penalty):
    """Ridge weights (d,) from SciPy: lsqr adds damp² ‖w‖² to the squared error."""
    return lsqr(X, y, damp=penalty**0.5, atol=1e-12, btol=1e-12)[0]


ridge = ridge_of(len(y) * 0.3**2)
apart = [np.linalg.norm(copies.fit(0.3, m) - ridge) / np.linalg.norm(ridge) for m in noise.COPIES]
claim("10 noisy copies: relative distance from ridge", apart[1], low=0.19, high=0.47)
claim("1000 noisy copies", apart[3], low=0.015, high=0.06)
claim("ten times the copies: closer by", apart[1] / apart[2], low=2, high=5)
at_sigmas = []
for sigma in (0.05, 0.1, 0.2, 0.4, 0.7, 1.0):
    exact = ridge_of(len(y) * sigma**2)
    at_sigmas.append(np.linalg.norm(copies.fit(sigma, 10) - exact) / np.linalg.norm(exact))
claim("10 noisy copies, σ from 0.05 to 1: largest distance over smallest",
      max(at_sigmas) / min(at_sigmas), high=3)  # fmt: skip
grid = np.geomspace(0.5, 2, 61)  # λ / (nσ²)
noisy = copies.fit(0.3, 1000)
fits = [ridge_of(g * len(y) * 0.3**2) for g in grid]
nearest = np.argmin([np.linalg.norm(noisy - fit) for fit in fits])
claim("λ of the nearest ridge solution over nσ²", grid[nearest], low=0.95, high=1.05)

# %% [markdown]
# The distance shrinks as $1/\sqrt{\text{copies}}$: ten times the copies divide it by about three.
# Twenty times the σ change it by less than that: a large σ needs about as many copies as a small
# one. The best λ is $n\sigma^2$. Training with noise that is fresh in every epoch means: ever more
# copies.
#
# ### Exercise 09.1 · `noise_ridge` · 1 point
# Return the weights $w$ that minimize the *expected* squared error
# $\mathbb E\,\lVert y - (X+E)w\rVert^2$, where every entry of $E$ is independent $N(0,\sigma^2)$.
# In closed form, without random numbers; no intercept. It must also work for $n < d$.
#
# <details><summary>Hint 1</summary>
#
# Above, the expectation has been taken. What is left is a ridge problem.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Set the gradient to zero: $(X^\top X + \lambda I)\,w = X^\top y$. What is λ?
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.linalg.solve(A, b)` with λ = nσ², and `np.eye(d)` for $I$.
#
# </details>


# %% exercise="09.1"
def noise_ridge(X, y, sigma):
    """The weights (d,) of least expected squared error when the inputs carry noise.

    X: (n, d), y: (n,); sigma > 0: standard deviation of the noise on every entry of X.
    """
    ### BEGIN SOLUTION
    n, d = X.shape
    return np.linalg.solve(X.T @ X + n * sigma**2 * np.eye(d), X.T @ y)
    ### END SOLUTION


# %% check="09.1"
check("09.1", noise_ridge)

# %%
try:
    mine = noise_ridge(X, y, 0.3)
    print(f"largest difference from SciPy's lsqr: {np.abs(mine - ridge).max():.1e}")
except NotImplementedError:
    print("not attempted yet: noise_ridge; going on with SciPy's lsqr")

# %% [markdown]
# Two neighbors of this idea:
#
# - **Noise on hidden units** is the same one layer later: for a linear output layer with squared
#   error it is ridge on *that* layer's weights.
# - **In a network** noise on the inputs penalizes about $\sigma^2\lVert\nabla_x f\rVert^2$, the
#   slope of the function (Bishop 1995): it asks for a function that changes slowly. Lesson 08 did
#   this with shifts and turns instead of noise.
#
# ## 2 Noise on the weights · 20 minutes
#
# Now shake the weights instead.

# %%
predict(
    "Linear regression, squared error, fresh noise N(0, σ²) on every *weight* in every step. "
    "How does the best w change, compared with no noise?",
    ["it shrinks, as under ridge", "it does not change", "it grows",
     "the weights of large inputs shrink more"],
    answer=1,
    because="The noise adds σ² Σ‖x‖² to the expected error: a cost, but the same one for every w. "
    "The bowl is lifted, not moved: its curvature is the same everywhere.",
)  # fmt: skip

# %%
rng = np.random.default_rng([SEED, 2])
for size in (0.0, 1.0, 3.0):
    w = size * rng.standard_normal(64)
    e = 0.1 * rng.standard_normal((10_000, 64))
    shaken = np.concatenate([w + e, w - e])  # in pairs: the slope cancels
    rise = np.square(y - shaken @ X.T).sum(1).mean() - np.square(y - X @ w).sum()
    theory = 0.1**2 * np.square(X).sum()
    told = f"weights of size {size}: rise of the error over σ² Σ‖x‖²"
    claim(told, rise / theory, low=0.95, high=1.05)

# %% [markdown]
# In general, expand the loss around $w$. The slope averages out, the curvature remains:
#
# $$\mathbb E\,L(w+\epsilon) \approx L(w) + \tfrac12\,\mathbb E\,\epsilon^\top H\epsilon
# = L(w) + \tfrac12\,\sigma^2\,\operatorname{tr} H .$$
#
# Weight noise charges for *curvature*. So it can only matter where the curvature differs from place
# to place: under a softmax, and in networks.
#
# ### Exercise 09.2 · `expected_increase` · 1 point
# Return what noise $N(0,\sigma^2)$, independent on every weight, adds on average to a quadratic
# loss with this Hessian. One number. At a saddle some eigenvalues are negative, and count as such.
#
# <details><summary>Hint 1</summary>
#
# $\epsilon^\top H\epsilon = \sum_{ij} H_{ij}\,\epsilon_i\epsilon_j$. What is the mean of
# $\epsilon_i\epsilon_j$?
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is $\sigma^2$ for $i=j$, and 0 otherwise.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.trace` sums the diagonal. Do not forget the ½.
#
# </details>


# %% exercise="09.2"
def expected_increase(hessian, sigma):
    """The mean rise of a quadratic loss under weight noise, a float.

    hessian: (d, d), symmetric; sigma > 0: standard deviation of the noise on every weight.
    """
    ### BEGIN SOLUTION
    return 0.5 * sigma**2 * np.trace(hessian)
    ### END SOLUTION


# %% check="09.2"
check("09.2", expected_increase)

# %% [markdown]
# ### Does it hold for networks?
#
# Networks 64-64-10 are trained on 200 digits, eight seeds, once with tanh and once with ReLU. Then
# noise is added to all weights and biases, fifty times and with both signs.
# `flatness.hessian_trace` gives tr H exactly.

# %%
predict(
    "The noise is tiny: σ = 0.01. What is the measured rise of the loss, over ½σ² tr H?",
    ["about 1 for both", "about 1 for tanh, clearly above 1 for ReLU",
     "about 1 for ReLU, clearly above 1 for tanh", "clearly above 1 for both"],
    answer=1,
    because="ReLU has no curvature except at its kink, and there the second derivative does not "
    "exist: H leaves the kinks out. The noise does not.",
)  # fmt: skip

# %%
SIGMAS, ratios = (0.01, 0.03, 0.1, 0.2), {}
for activation in ("tanh", "relu"):
    model, images, labels = noise.train_clean(activation, seeds=seeds, steps=300)
    rise = noise.loss_increase(model, images, labels, sigmas=SIGMAS, pairs=50, seed=SEED)
    theory = 0.5 * np.square(SIGMAS)[:, None] * flatness.hessian_trace(model, images, labels)
    ratios[activation] = rise / theory  # (σ, S)
plots.show(
    plot_increase(SIGMAS, ratios),
    alt="Measured rise over ½σ² tr H for four σ. "
    "tanh is near 1 for small σ and above for large; ReLU is well above 1 everywhere.",
)

# %%
claim("tanh, σ = 0.01: rise over ½σ² tr H, mean", ratios["tanh"][0].mean(), low=0.92, high=1.08)
claim("tanh, σ = 0.2, mean", ratios["tanh"][3].mean(), low=1.15, high=1.7)
claim("ReLU, mean at each σ", ratios["relu"].mean(1), low=1.15)
claim("ReLU, σ up to 0.1, mean at each σ", ratios["relu"][:3].mean(1), high=1.7)
claim("ReLU, every network at every σ", ratios["relu"], low=1.05)
kink = np.maximum(0.1 * rng.standard_normal(100_000) - 0.05, 0).mean()
claim(
    "max(0, w) at w = −0.05: second derivative 0, but noise σ = 0.1 costs",
    kink,
    low=0.018,
    high=0.022,
)

# %% [markdown]
# For tanh the formula is right when σ is small. For ReLU the rise is about a fifth or more above
# the formula at every σ of the figure: some unit is near its kink for some image, and each such
# pair adds a bend that H cannot see. Only for noise too small to reach any kink would the formula
# be right again. With σ = 0.2 the expansion fails for tanh, too.
#
# So "the trace of the Hessian of a ReLU network" is a number with a blind spot. Keep that in mind.
#
# ## 3 Flat and sharp minima · 20 minutes
#
# A wide valley costs less under weight noise. Does it also *generalize* better? The usual picture:
# the test loss is the training loss, shifted a little. In a sharp valley a shift is expensive.
#
# ### Explore: the picture, and its weak spot
#
# One training loss with two minima, over one weight; $h$ is the curvature at a minimum.
#
# 1. Move the shift. Which minimum suffers? Compare with ½h·shift².
# 2. Move σ. The noise bars follow ½σ²h.
# 3. Now write the same weight in another coordinate, $u$. Which minimum is the flat one now? What
#    happened to the test loss at the two minima?

# %%
explore_minima()

# %% [markdown]
# The two models have not changed, nor their test losses. Only the *name* of the weight has: flat
# and sharp have changed places.
#
# ReLU networks can do this by themselves. Multiply the hidden layer by $a$, divide the output
# weights by $a$: the same function (Dinh et al. 2017). Take the ReLU networks of section 2:

# %%
before, flat = model(images).detach(), flatness.hessian_trace(model, images, labels)
flatness.rescale(model, 0.2)
change = (model(images) - before).abs().max()
claim("rescaled: largest change of a logit", change, high=1e-3)
sharper = flatness.hessian_trace(model, images, labels) / flat
claim("rescaled: tr H is larger by a factor of", sharper, low=11, high=17)

# %% [markdown]
# ### Measure both
#
# Still, among networks that were trained in the same way, flatness might tell something. Six
# methods: the same 200 digits (20 % of the labels wrong), starts, batches, learning rate and number
# of updates. All images, the test images too, carry pixel noise of 0.2. **SAM**, sharpness-aware
# minimization (Foret et al. 2021), takes the gradient where the loss is about worst nearby: at
# $w + \rho\,g/\lVert g\rVert$. That takes two gradients an update. Each method has one strength,
# set by hand.
#
# Flatness is measured twice: by tr H, which is about very small noise and does not see the kinks;
# and by what noise of σ = 0.05 and of σ = 0.2 on all weights adds to the training loss.

# %%
METHODS = {"plain": Method(), "input noise": Method(input_noise=0.4),
           "hidden noise": Method(hidden_noise=1.0), "weight noise": Method(weight_noise=0.1),
           "SAM": Method(sam=0.2), "label smoothing": Method(smoothing=0.2)}  # fmt: skip
with tqdm(total=9, desc="48 networks", file=sys.stdout, mininterval=1) as bar:
    runs = flatness.compare(METHODS, seeds=seeds, steps=800, every=100, tick=bar.update)
weak, strong = noise.loss_increase(  # of 48 networks, at two σ
    runs.model, *runs.examples, sigmas=(0.05, 0.2), pairs=20, seed=SEED
).reshape(2, len(METHODS), -1)

# %%
predict(
    "After 800 updates, which of these trainings has the *smallest tr H*, and which has the "
    "best test accuracy?",
    ["SAM has both", "SAM has the smallest tr H, input noise the best accuracy",
     "input noise has both", "plain has the largest tr H and the worst accuracy"],
    answer=1,
    because="SAM asks for flatness, and gets it. Input noise ends with a larger tr H than plain "
    "training here, and wins clearly. See below what real noise on the weights says.",
)  # fmt: skip

# %%
plots.show(plot_methods(runs, strong, sigma=0.2), alt="; ".join(
    f"{name}: test accuracy {a.mean():.2f}, tr H {t.mean():.0f}, rise under noise {r.mean():.2f}"
    for name, (a, t), r in ((name, runs.after(800, name), r)
                            for name, r in zip(METHODS, strong, strict=True))
))  # fmt: skip

# %%
score, trace = ({n: runs.after(800, n)[i] for n in METHODS} for i in (0, 1))
claim("SAM: tr H over plain's, every seed", trace["SAM"] / trace["plain"], low=0.33, high=0.68)
others = min(t.mean() for name, t in trace.items() if name != "SAM")
claim("SAM: mean tr H over that of the next flattest", trace["SAM"].mean() / others, high=0.9)
claim("input noise: tr H over plain's, every seed", trace["input noise"] / trace["plain"], low=1.1)
claim("  rise under weight noise σ = 0.05 over plain's, mean", (weak[1] / weak[0]).mean(),
      low=0.85, high=1.3)  # fmt: skip
claim("  the same at σ = 0.2, every seed", strong[1] / strong[0], low=0.4, high=1)
bump = dict(zip(METHODS, (strong / strong[0]).mean(1), strict=True))  # over plain's, mean
gained = [bump[name] for name in ("hidden noise", "weight noise", "SAM")]
claim("  the others that gained: the same, means", gained, low=0.4, high=0.9)
claim("  label smoothing: the same, mean", bump["label smoothing"], low=1.15, high=1.7)
claim("  weight noise over input noise", bump["weight noise"] / bump["input noise"], high=1.08)
ratio = trace["hidden noise"] / trace["plain"]
claim("hidden noise: tr H over plain's, mean", ratio.mean(), low=1.2, high=1.9)
ratio = trace["weight noise"] / trace["plain"]
claim("weight noise: tr H over plain's, mean", ratio.mean(), low=0.55, high=0.98)
# %%
for name, low, high in (("input noise", 0.04, 0.15), ("SAM", -0.01, 0.055),
                        ("weight noise", -0.01, 0.05), ("hidden noise", -0.012, 0.07),
                        ("label smoothing", -0.045, 0.02)):  # fmt: skip
    gain = score[name] - score["plain"]
    claim(f"{name} less plain, mean test accuracy", gain.mean(), low=low, high=high)
gain = score["input noise"] - score["SAM"]
claim("input noise less SAM, mean", gain.mean(), low=0.02, high=0.13)
means = [score[name].mean() for name in ("SAM", "weight noise", "hidden noise")]
claim("SAM, weight and hidden noise: best mean less worst", max(means) - min(means), high=0.035)
claim("input noise less the best of the three, means", score["input noise"].mean() - max(means),
      low=0.02)  # fmt: skip
middle = runs.after(300, "plain")
ratio = (trace["plain"] / middle[1]).mean()
claim("plain: tr H after 800 updates over that after 300, mean", ratio, low=0.27, high=0.45)
gain = score["plain"] - middle[0]
claim("plain: test accuracy gained meanwhile, mean", gain.mean(), low=-0.05, high=0.03)
doubt = dict(zip(METHODS, runs.doubt().mean(1), strict=True))
claim("plain, SAM: Σ p(1 − p) on training images", [doubt["plain"], doubt["SAM"]], high=0.1)
claim("input noise, label smoothing: the same",
      [doubt["input noise"], doubt["label smoothing"]], low=0.2)  # fmt: skip

# %% [markdown]
# Read the figure slowly.
#
# - SAM and weight noise end with a smaller tr H, and gain two points on average, and now and then
#   next to none: the idea works a little. But hidden noise, with a *larger* tr H, gains as much:
#   which of the three is best depends on the data.
# - Input noise gains most. By tr H its place is *sharper* than plain training's; with real noise of
#   σ = 0.05 about as sharp; with σ = 0.2 it is *flatter*. "Flat" needs a size.
# - At σ = 0.2 every method that gained is flatter than plain training, label smoothing is sharper.
#   That speaks for flatness. But weight noise is as flat there as input noise, and gains far less.
# - Look at plain training alone: from update 300 to 800 its tr H falls to about a third, and its
#   test accuracy moves by a few points at most, on average down. A smaller tr H is not better here.
#
# Why? The Hessian of cross-entropy carries factors $p\,(1-p)$, with $p$ the probability of a class:
# nearly 0 where $p$ is near 0 or 1. A network that is certain of every training label, wrong ones
# included, has a small tr H: so do plain training and SAM. Input noise and label smoothing stay in
# doubt (the last two claims). So tr H measures certainty as well as width.
#
# Mind what the figure ranks: six settings, not six ideas. Take `Method(weight_noise=0.2)` or
# `Method(sam=0.5)`, and look at the order again.
#
# ### Do small batches find flatter minima?
#
# That is the best-known claim about flatness (Keskar et al. 2017). Small batches also make more
# updates in an epoch. So compare twice.

# %%
predict(
    "Batches of 4, 16 and 64, the same learning rate. After equal *epochs* the tr H of batches of "
    "64 is three to five times that of batches of 4. How many times is it after equal numbers of "
    "*updates*?",
    ["three to five times, too: it is the noise of the batch", "between one and two times",
     "less than once: small batches are the sharper ones"],
    answer=1,
    because="After equal epochs the small batches have made sixteen times the updates, and long "
    "training alone makes this network flat.",
)  # fmt: skip

# %%
sizes = {f"B = {b}": Method(batch_size=b) for b in (4, 16, 64)}
batches = flatness.compare(sizes, seeds=seeds, steps=800, every=50)
epochs = {"B = 4": 800, "B = 16": 200, "B = 64": 50}  # 16 epochs each
small, large = batches.after(800, "B = 4"), batches.after(800, "B = 64")
few = batches.after(50, "B = 64")
by_epochs, by_updates = (few[1] / small[1]).mean(), (large[1] / small[1]).mean()
plots.show(
    plot_batches(batches, epochs, 800),
    alt="tr H and test accuracy of three batch sizes. tr H of batches of 64 over that of 4: "
    f"{by_epochs:.1f} after equal epochs, {by_updates:.1f} after equal updates.",
)

# %%
claim("equal epochs: tr H of B = 64 over B = 4, mean", by_epochs, low=2.5, high=5.4)
claim("equal updates: the same", by_updates, low=1, high=1.68)
alone = (few[1] / large[1]).mean()
claim("B = 64: tr H after 50 updates over that after 800, mean", alone, low=2.4, high=3.6)
claim("equal epochs: accuracy of B = 4 less B = 64, mean", (small[0] - few[0]).mean(),
      low=-0.06, high=0.07)  # fmt: skip
claim("equal updates: the same", (small[0] - large[0]).mean(), low=0, high=0.075)

# %% [markdown]
# Most of the difference is the number of updates: they alone divide the tr H of batches of 64 by
# about three. At equal updates batches of 4 have a somewhat smaller tr H, and are a few points
# better, about three on average. At equal epochs their tr H is a fifth to a third, and which is
# better depends on the data (another COURSE_SEED).
#
# ## 4 Soft labels · 20 minutes
#
# With a hard label cross-entropy is never content: the best logits are infinitely far apart.
# **Label smoothing** asks for a little doubt. There are two conventions, and papers often do not
# say which:
#
# | convention | target of the label | target of each other class |
# |---|---|---|
# | `"rest"`: ε goes to the others | $1-\varepsilon$ | $\varepsilon/(K-1)$ |
# | `"uniform"`: ε goes to all (PyTorch) | $1-\varepsilon+\varepsilon/K$ | $\varepsilon/K$ |
#
# A third one is found in tutorials, $1-\varepsilon$ with $\varepsilon/K$. Its rows do not sum to 1.
#
# ### Exercise 09.3 · `smooth_labels` · 2 points
# Return the targets as an array of shape (n, K): row $i$ for the label `y[i]`.
#
# <details><summary>Hint 1</summary>
#
# Two numbers fill the array: one for the label, one for the other classes.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Fill an array with the second number, then write the first one at `[np.arange(n), y]`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# In both conventions the label gets what the others leave: 1 − (K − 1) · other.
#
# </details>


# %% exercise="09.3"
def smooth_labels(y, n_classes, epsilon, convention):
    """Soft targets (n, n_classes); every row sums to 1.

    y: (n,) int labels; n_classes >= 2; epsilon in [0, 1); convention: "rest" or "uniform".
    """
    ### BEGIN SOLUTION
    other = epsilon / (n_classes - 1) if convention == "rest" else epsilon / n_classes
    targets = np.full((len(y), n_classes), other)
    targets[np.arange(len(y)), y] = 1 - (n_classes - 1) * other
    return targets
    ### END SOLUTION


# %% check="09.3"
check("09.3", smooth_labels)

# %% [markdown]
# The conventions are one family: `"rest"` with ε is `"uniform"` with $\varepsilon K/(K-1)$.
#
# And `"rest"` has a meaning. If a share ε of your labels is wrong, each other class alike, then the
# *average* one-hot label **is** the smoothed label. Wrong labels are label smoothing, with noise.

# %%
logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
truth = torch.arange(8)
rest = torch.full((8, 10), 0.2 / 9, dtype=torch.float64)
rest[truth, truth] = 0.8
uniform = F.cross_entropy(logits, truth, label_smoothing=0.2 * 10 / 9)
claim(
    "rest with ε against PyTorch with εK/(K−1)",
    (F.cross_entropy(logits, rest) - uniform).abs(),
    high=1e-12,
)
drawn = np.where(rng.random(50_000) < 0.2, rng.integers(1, 10, 50_000), 0)  # true class: 0
shares = np.bincount(drawn, minlength=10) / len(drawn)
claim(
    "20 % wrong labels: their mean against rest with ε = 0.2",
    np.abs(shares - rest[0].numpy()),
    high=0.01,
)

# %% [markdown]
# ### How far apart should the logits be?
#
# Cross-entropy with targets $q$ is smallest where the softmax *equals* $q$. So for the label's
# logit and any other one, $e^{z_y - z_j} = q_y/q_j$.
#
# ### Exercise 09.4 · `optimal_gap` · 1 point
# Return the gap $z_y - z_j$ that these targets ask for, in either convention. In `"rest"` it is
# negative where ε is so large that the label has the smaller target.
#
# <details><summary>Hint 1</summary>
#
# Take the logarithm of the ratio of the two targets.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Both targets are in the table above.
#
# </details>
# <details><summary>Hint 3</summary>
#
# For K = 10 and ε = 0.1 the gaps are about 4.39 (rest) and 4.51 (uniform).
#
# </details>


# %% exercise="09.4"
def optimal_gap(epsilon, n_classes, convention):
    """The best difference between the label's logit and any other one, a float.

    epsilon in (0, 1); n_classes >= 2; convention: "rest" or "uniform".
    """
    ### BEGIN SOLUTION
    other = epsilon / (n_classes - 1) if convention == "rest" else epsilon / n_classes
    return np.log((1 - (n_classes - 1) * other) / other)
    ### END SOLUTION


# %% check="09.4"
check("09.4", optimal_gap)

# %% [markdown]
# ### Exercise 09.5 · `soft_cross_entropy` · 1 point
# For soft targets $q$: $\;-\sum_k q_k \log p_k$ with $p = \operatorname{softmax}(z)$, averaged over
# the examples. It must be right for logits in the thousands, too: no overflow, no $\log 0$. Some
# targets can be 0: hard labels are a case of soft ones.
#
# <details><summary>Hint 1</summary>
#
# Softmax does not change when every logit of a row is lowered by the same number.
#
# </details>
# <details><summary>Hint 2</summary>
#
# $\log p_k = z_k - m - \log\sum_j e^{z_j-m}$, with $m$ the largest logit of the *row*.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `keepdims=True` in `max` and `sum` keeps the shapes (n, 1). Sum over classes, mean over examples.
#
# </details>


# %% exercise="09.5"
def soft_cross_entropy(logits, targets):
    """The mean cross-entropy of soft targets, a float.

    logits: (n, K), of any size; targets: (n, K), every row sums to 1.
    """
    ### BEGIN SOLUTION
    z = logits - logits.max(axis=1, keepdims=True)
    log_probs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(targets * log_probs).sum(axis=1).mean()
    ### END SOLUTION


# %% check="09.5"
check("09.5", soft_cross_entropy)

# %%
pytorch = float(F.cross_entropy(logits, truth, label_smoothing=0.1))
try:
    soft = smooth_labels(truth.numpy(), 10, 0.1, "uniform")
    mine = soft_cross_entropy(logits.numpy(), soft)
    print(f"yours {mine:.6f}, torch's cross_entropy(label_smoothing=0.1) {pytorch:.6f}")
except NotImplementedError:
    print("not attempted yet: smooth_labels or soft_cross_entropy;", end=" ")
    print(f"torch's cross_entropy(label_smoothing=0.1) says {pytorch:.6f}")

# %% [markdown]
# ## 5 Are the probabilities true? · 15 minutes
#
# A network says 0.9. Is it right in nine of ten such cases? Then it is **calibrated**. Sort the
# examples into bins by their *confidence*, the largest probability, and compare in each bin:
#
# $$\text{ECE} = \sum_b \frac{n_b}{n}\,\bigl|\,\text{accuracy}_b - \text{confidence}_b\,\bigr| .$$

# %%
predict(
    "Label smoothing makes networks less sure. Does that improve their calibration (ECE)?",
    ["yes, nearly always", "only where they were too sure, and only with a small ε", "no, never"],
    answer=1,
    because="It lowers confidence whether or not it was too high. A network that learned from "
    "wrong labels is too modest already, and gets worse.",
)

# %% [markdown]
# ### Exercise 09.6 · `calibration_error` · 2 points
# Confidence is the largest probability of a row; a hit is when its class (`argmax`) is the label.
# Bin $b$ of `bins` equal ones holds $b/\text{bins} < \text{confidence} \le (b+1)/\text{bins}$; so a
# confidence of exactly 1 is in the last bin. Empty bins add nothing.
#
# <details><summary>Hint 1</summary>
#
# First two arrays of length n: `confidence` and `hits`. Then a loop over the bins with a mask.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)`; skip it when `inside.any()`
# is false.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The bin's share is `inside.mean()`; the gap is `abs(hits[inside].mean() -
# confidence[inside].mean())`.
#
# </details>


# %% exercise="09.6"
def calibration_error(probs, labels, bins):
    """The expected calibration error (ECE), a float in [0, 1].

    probs: (n, K), rows sum to 1; labels: (n,) ints; bins: int >= 1, of equal width on (0, 1].
    """
    ### BEGIN SOLUTION
    confidence, hits = probs.max(axis=1), probs.argmax(axis=1) == labels
    error = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(hits[inside].mean() - confidence[inside].mean())
    return error
    ### END SOLUTION


# %% check="09.6"
check("09.6", calibration_error)

# %% [markdown]
# ### Explore: ε, logits, reliability
#
# Two tasks. *Few images*: 300 noisy digits, right labels. *Many images*: 900 digits, 20 % of the
# training labels wrong. Test labels are right. Eight seeds; every ε has the same data, starts and
# batches. The histogram shows, for each training image, the logit of the label that it was *given*
# (right or wrong) less the mean of the nine others.
#
# 1. Do the gaps on the training images follow the theory? For which task not, and why?
# 2. Which ε has the lowest ECE in each task?
# 3. What does ε do to accuracy?

# %%
with tqdm(total=900, desc="80 networks", file=sys.stdout, mininterval=1) as bar:
    few, many = (calibration.smooth_and_train(task, seeds=seeds, tick=bar.update)
                 for task in (calibration.FEW_RIGHT, calibration.MANY_WRONG))  # fmt: skip
tasks = {"few images, right labels": few, "many images, 20 % wrong": many}
explore_smoothing(tasks)

# %%
at = {epsilon: i for i, epsilon in enumerate(calibration.EPSILONS)}
own = np.log((0.8 + 0.02) / 0.02)  # ε = 0.2, K = 10, PyTorch's convention
reached = np.median(few.gaps, axis=(1, 2))  # of every ε
claim("few images, ε = 0.2: median gap less theory", reached[at[0.2]] - own, low=-0.04, high=0.09)
best = np.log((0.98 + 0.002) / 0.002)
claim("  ε = 0.02: the same", reached[at[0.02]] - best, low=0.6, high=1.5)
claim("  ε = 0: median gap", reached[0], low=8.4, high=10)
missed = np.median(many.gaps[at[0.2]]) - own
claim("many images, ε = 0.2: median gap less theory", missed, low=-1.2, high=-0.75)
target = 0.8 * 0.82 + 0.2 * 0.02  # of the true class, averaged over right and wrong labels
averaged = np.log(9 * target / (1 - target))
claim("  less theory with averaged targets", missed + own - averaged, low=-0.3, high=0.1)
claim("few images: ECE without smoothing", few.error()[0].mean(), low=0.04, high=0.1)
ratio = few.error() / few.error()[0]
claim("few images: ECE with ε = 0.02 over that, mean", ratio[at[0.02]].mean(), low=0.3, high=0.88)
claim("few images: ECE with ε = 0.2 over that, every seed", ratio[at[0.2]], low=1)
claim("many images: ECE without smoothing", many.error()[0].mean(), low=0.165, high=0.24)
rise = many.error()[1:] - many.error()[0]
claim("many images: ECE added by each ε, mean", rise.mean(1), low=0.003)
claim("many images: ECE added by ε = 0.2, every seed", rise[-1], low=0.08)

# %% [markdown]
# The gaps: in the first task they follow the theory at ε = 0.2 and lie above it at ε = 0.02. In the
# second they stay about one below it at ε = 0.2: the wrong labels have smoothed already. With the
# targets *averaged* over right and wrong labels the theory asks for 2.86, and that is nearly
# reached.
#
# Too sure, and a small ε: the ECE falls, by about 40 % on average. A larger ε overshoots. Too
# modest, as after learning from wrong labels: every ε makes it worse.
#
# ### One number repairs both
#
# A **temperature** divides all logits by $T$ after training (Guo et al. 2017). Fit $T$ on 200
# validation images: their cross-entropy, one number. No guess changes, so no accuracy is lost.

# %%
plots.show(plot_repairs(tasks), alt="Calibration error over ε: lowest at a small ε in the first "
           "task, rising with ε in the second; with a temperature 0.06 or less for all ε. "
           "Accuracy falls at ε = 0.2 in the first task, rises a bit in the second.")  # fmt: skip
for name, runs_of in tasks.items():
    repaired = runs_of.error(runs_of.temperature)
    claim(f"{name}: ECE with a temperature, mean of each ε", repaired.mean(1), high=0.06)
    heat = runs_of.temperature[0].mean()
    claim(f"{name}: T without smoothing", heat, low=1.1 if runs_of is few else 0.35,
          high=1.5 if runs_of is few else 0.6)  # fmt: skip
cooled = few.error(few.temperature)[0] - few.error()[at[0.02]]
claim("few images: ECE with T less that with ε = 0.02, mean", cooled.mean(), low=-0.03, high=0.03)
gains = [t.accuracy[at[0.2]] - t.accuracy[0] for t in (few, many)]
claim("few images: accuracy gained by ε = 0.2, mean", gains[0].mean(), low=-0.06, high=-0.01)
claim("many images, 20 % wrong: the same", gains[1].mean(), low=-0.006, high=0.03)

# %% [markdown]
# $T > 1$ lowers the confidence of a network that is too sure, $T < 1$ raises that of one that is
# too modest. Smoothing can only do the first. There the two are a tie in ECE: the temperature needs
# 200 validation images, and leaves every guess as it is. Mind their labels: here all 200 are right,
# in the second task too. Fitted on labels of which 20 % are wrong, $T$ would learn their doubt.
#
# So what is smoothing good for? With *many* images and wrong labels it gained a point on average,
# on some data nothing: it may stop the network from chasing single labels. With few images and
# right labels ε = 0.2 cost some points, about three on average. And in section 3, with few images
# and long training on wrong labels, it did not help.
#
# ### Written question 09.w · 2 points
# Your labels come from a crowd; you guess that 20 % are wrong. You may choose among input noise,
# weight noise, SAM and label smoothing. Which would you use, and what do the figures of sections 3
# and 5 say about each? What happens to the predicted probabilities, and what would you do about it?

# %% [markdown] written="09.w"
# ### BEGIN SOLUTION
# Input noise first. With 20 % wrong labels and 200 images it gained about nine points at equal
# updates; SAM, weight and hidden noise gained about two each, label smoothing lost one or two. The
# trace did not decide: SAM's was smallest, input noise's larger than plain training's (under weight
# noise of σ = 0.2 input noise was the flatter one). With 900 images and shorter training, smoothing
# with ε = 0.2 gained about one point, so I would try it as a second step when there are many
# labels. All this is one kind of wrong label (every class alike) and one kind of network; the crowd
# may confuse 4 and 9 more often than others.
#
# A network that learns from wrong labels is too modest on right ones (ECE about 0.20), and
# smoothing makes it worse (0.34). I would have some hundred labels checked by an expert, fit a
# temperature on them (ECE about 0.03, no accuracy lost), and keep another clean set for the report:
# validation labels from the crowd would hide both.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# - Noise on the inputs of a linear model is ridge with λ = nσ², exactly.
# - Noise on the weights costs ½σ² tr H: nothing but a constant for linear regression, curvature for
#   networks. H does not see the kinks of ReLU; the noise does.
# - Flatness depends on how weights are written, on how certain the network is, and on the size of
#   the noise. The best setting of the six was sharper than plain training by tr H, and flatter
#   under noise of σ = 0.2. Training on lowered plain networks' tr H, not their error.
# - Label smoothing asks for a finite gap of the logits. Say which convention.
# - It calibrates only networks that are too sure. A temperature does it for all, and keeps
#   accuracy.
#
# ## Where textbooks disagree
#
# - *"Flat minima generalize better."* Which flatness? By tr H, SAM was flattest and gained little,
#   input noise was best and sharper than plain training. Under weight noise of σ = 0.2 input noise
#   was flatter than plain. One strength each, on noisy images (section 3).
# - *"Small batches find flatter minima."* Three- to fivefold in tr H at equal epochs; at equal
#   updates less than twofold, and a few points of accuracy (section 3).
# - *"Weight noise costs ½σ² tr H."* For tanh and small σ. For ReLU the rise is about a fifth or
#   more above it, unless σ is too small to reach a kink (section 2).
# - *"Weight noise regularizes."* Not linear regression: its minimum does not move (section 2).
# - *"Targets 1 − ε and ε/K"* sum to less than 1. PyTorch's are 1 − ε + ε/K and ε/K (section 4).
# - *"Label smoothing calibrates."* Only networks that are too sure, with a small ε (section 5).
# - *"Label smoothing improves accuracy."* By a point on average with 900 images and wrong labels;
#   with 300 right ones it cost points (section 5).
#
# ## References
#
# - C. M. Bishop (1995). Training with noise is equivalent to Tikhonov regularization. *Neural
#   Computation* 7(1).
# - G. An (1996). The effects of adding noise during backpropagation training on a generalization
#   performance. *Neural Computation* 8(3).
# - S. Hochreiter, J. Schmidhuber (1997). Flat minima. *Neural Computation* 9(1).
# - N. S. Keskar, D. Mudigere, J. Nocedal, M. Smelyanskiy, P. T. P. Tang (2017). On large-batch
#   training for deep learning: generalization gap and sharp minima. *ICLR*.
# - L. Dinh, R. Pascanu, S. Bengio, Y. Bengio (2017). Sharp minima can generalize for deep nets.
#   *ICML*.
# - P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur (2021). Sharpness-aware minimization for
#   efficiently improving generalization. *ICLR*.
# - C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna (2016). Rethinking the Inception
#   architecture for computer vision. *CVPR*.
# - R. Müller, S. Kornblith, G. Hinton (2019). When does label smoothing help? *NeurIPS*.
# - M. Lukasik, S. Bhojanapalli, A. K. Menon, S. Kumar (2020). Does label smoothing mitigate label
#   noise? *ICML*.
# - C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017). On calibration of modern neural networks.
#   *ICML*.
# - I. Goodfellow, Y. Bengio, A. Courville (2016). *Deep Learning*, sections 7.4 and 7.5. MIT Press.

# %%
progress("09")
