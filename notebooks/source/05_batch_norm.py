# %% [markdown]
# # 05 Batch normalization and its relatives
#
# Lesson 01 chose the weights so that every layer *starts* with outputs of a good size. Batch
# normalization measures the size at every step and divides by it. That changes more than it seems:
# the gradient, the learning rate, and what a network does at test time.
#
# *130 minutes. Builds on lesson 01 (variance over depth) and lesson 03 (weight decay).*
#
# After this lesson you will be able to
# - write batch normalization forward and backward, with its running statistics, equal to PyTorch's
#   in every digit that matters;
# - say why training and test differ, and recognize the accidents that follow;
# - tell what it does to the learning rate, to bad weights, and to gradients over depth;
# - draw the axes of batch, layer, instance and group normalization, and pick one;
# - fold a trained layer away, and judge the stories that are told about why it works.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import SEED, check, claim, data, nets, normalization, plots, predict, progress
from helpers import normalization_sweeps as sweeps
from helpers import normalized_signals as deep
from helpers.plots import normalization as figures
from helpers.plots.batch_statistics import explore_statistics
from helpers.plots.normalized_axes import explore_axes
from helpers.plots.normalized_signals import explore_depth, explore_rays
from helpers.running_statistics import run_lag

SEEDS = range(100 * SEED, 100 * SEED + 16)
ACTIVATIONS = ["sigmoid", "tanh", "relu"]

# %% [markdown]
# ## 1 A network that does not learn · 5 minutes
#
# Lesson 01 left a patient behind: a deep sigmoid network with Xavier's weights under plain SGD.
# Here it has four hidden layers. Its loss stays at $\log 10$, that of a blind guess.

# %%
predict(
    "Between every linear layer and its sigmoid we put a step that subtracts each unit's mean over "
    "the batch and divides by its standard deviation. What will the loss do in 120 steps?",
    [
        "stay at log 10: the step only rescales, the weights are the same",
        "fall: the network learns",
        "become NaN",
    ],
    answer=1,
    because="Xavier's weights give sigmoid units almost the same input for every image. Dividing "
    "by the small standard deviation brings the differences back, in every layer and every step.",
)

# %% [markdown]
# The next cell trains 12 kinds of networks, 16 seeds each; the whole lesson comes back to them. It
# takes a few seconds.

# %%
runs = normalization.train_variants(ACTIVATIONS, seeds=SEEDS)
plots.show(
    figures.plot_losses(runs, ACTIVATIONS, ["none", "before"]),
    alt="Training loss over 120 steps without and with batch normalization. Sigmoid: flat at "
    "log 10 without, falling with it. Tanh: falling in both, lower with it. ReLU: falling in both, "
    "a little higher with it.",
)

# %%
final = {key: run.accuracy.mean() for key, run in runs.items()}  # test accuracy, mean over seeds
claim("sigmoid without normalization: test accuracy", final["sigmoid", "none"], high=0.15)
claim("its training loss at the end, less log 10", runs["sigmoid", "none"].loss[-1].mean()
      - np.log(10), low=-0.02, high=0.04)  # fmt: skip
claim("sigmoid with batch norm: test accuracy", final["sigmoid", "before"], low=0.84, high=0.95)
gain = final["tanh", "before"] - final["tanh", "none"]
claim("tanh: gain by batch norm", gain, low=0.0, high=0.03)
gain = final["relu", "before"] - final["relu", "none"]
claim("relu with He's weights: gain by batch norm", gain, low=-0.008, high=0.03)
last = {key: run.loss[-1].mean() for key, run in runs.items()}  # training loss after 120 steps
worse = last["relu", "before"] - last["relu", "none"]
claim("relu with He's weights: what batch norm adds to the loss", worse, low=0, high=0.15)

# %% [markdown]
# (Lines are means over the seeds, bands show one standard deviation to each side; so in all curves
# of this lesson that have bands.)
#
# It rescues the patient, and does little for the healthy: with He's weights, ReLU and a learning
# rate that suits it, batch normalization moves the test accuracy by little (in most runs a point or
# so up), while the training loss ends *higher* than without. Keep that in mind when a text says
# that it "always helps".

# %% [markdown]
# ## 2 The transform · 15 minutes
#
# A batch has $n$ examples. Take one unit (feature), and its $n$ values $x_1 \dots x_n$:
#
# $$\mu = \frac1n\sum_i x_i, \qquad \sigma^2 = \frac1n\sum_i (x_i-\mu)^2, \qquad
# \hat x_i = \frac{x_i-\mu}{\sqrt{\sigma^2+\varepsilon}}, \qquad y_i = \gamma\,\hat x_i + \beta .$$
#
# Every unit has its own $\mu$, $\sigma$ and its own learned $\gamma$ and $\beta$. The small
# $\varepsilon$ (PyTorch: $10^{-5}$) is added to the **variance**, inside the root.

# %%
x = torch.tensor([2.0, 3.0, 7.0, 8.0], dtype=torch.float64)  # one unit, a batch of four
mean, var = x.mean(), x.var(unbiased=False)
x_hat = (x - mean) / (var + 1e-5).sqrt()
gamma, beta = 3.0, -1.0
y = gamma * x_hat + beta

layer = nn.BatchNorm1d(1).double()
nn.init.constant_(layer.weight, gamma)  # PyTorch calls γ weight, and β bias
nn.init.constant_(layer.bias, beta)
claim("largest difference to nn.BatchNorm1d", (layer(x[:, None])[:, 0] - y).abs().max(), high=1e-10)
claim("mean of the output", y.mean(), low=beta - 1e-9, high=beta + 1e-9)
claim("variance of the output: γ², not γ", y.var(unbiased=False), low=8.999, high=9.001)

# %% [markdown]
# Some books say that the output is distributed as $N(\beta, \gamma)$. Its standard deviation is
# $\gamma$ and its variance $\gamma^2$; and nothing makes it normal: four values stay four values.
#
# Why normalize, and then let $\gamma$ and $\beta$ scale and shift again? Because the layer must be
# able to say what it could say before. With $\gamma=\sqrt{\sigma^2+\varepsilon}$ and $\beta=\mu$ it
# undoes the step altogether. What changes is *who* decides the size: two numbers with a gradient
# of their own, not a whole column of weights.

# %%
undone = (var + 1e-5).sqrt() * x_hat + mean
claim("γ = √(σ² + ε) and β = μ: distance to x", (undone - x).abs().max(), high=1e-12)

# %%
predict(
    "A batch of **two** examples, γ = 1, β = 0, ε negligible. Which values can a unit put out?",
    ["any", "any from −2 to 2", "only −1 and +1", "only 0"],
    answer=2,
    because="Two different values lie at μ ± σ: normalized they are +1 and −1. All that "
    "is left of the unit's input is which of the two was larger.",
)

# %%
pairs = torch.randn(1000, 2, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
sizes = F.batch_norm(pairs.T, None, None, training=True, eps=1e-30).abs()  # a batch of 2
claim("sizes of the outputs of a batch of two", sizes, low=1 - 1e-9, high=1 + 1e-9)

# %% [markdown]
# ### Exercise 05.1 · `batch_norm_train` · 1 point
#
# The transform, in training. `x` has shape (n, d): n examples, d features. Return the output,
# of shape (n, d). Use NumPy, no loop. It must work for `n = 1` and for a feature that does not
# vary, too (then the output is β).
#
# <details><summary>Hint 1</summary>
#
# Means and variances are over the batch, one for each feature: two arrays of shape (d,).
# </details>
# <details><summary>Hint 2</summary>
#
# `x.mean(axis=0)` and `x.var(axis=0)`; NumPy's `var` divides by n unless you ask otherwise.
# </details>
# <details><summary>Hint 3</summary>
#
# Divide `x - mean` by `np.sqrt(var + eps)`, multiply by `gamma`, add `beta`. Broadcasting does the
# rest.
# </details>


# %% exercise="05.1"
def batch_norm_train(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    """γ·x̂ + β with the statistics of this batch.

    x: (n, d), n ≥ 1; gamma and beta: (d,); eps > 0 is added to the variance. Returns (n, d).
    """
    ### BEGIN SOLUTION
    mean, var = x.mean(axis=0), x.var(axis=0)  # (d,)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta
    ### END SOLUTION


# %% check="05.1"
check("05.1", batch_norm_train)

# %% [markdown]
# For images the same is done for every **channel**: its $N \cdot H \cdot W$ values are the batch.
# `nn.BatchNorm2d` is `nn.BatchNorm1d` on a reshaped array.

# %%
generator = torch.Generator().manual_seed(SEED)
images = torch.randn(5, 3, 4, 2, generator=generator, dtype=torch.float64)  # N, C, H, W
flat = images.movedim(1, -1).reshape(-1, 3)  # N·H·W rows, a column for each channel
one_d, two_d = nn.BatchNorm1d(3).double(), nn.BatchNorm2d(3).double()
difference = one_d(flat) - two_d(images).movedim(1, -1).reshape(-1, 3)
claim("BatchNorm2d against BatchNorm1d on (N·H·W, C)", difference.abs().max(), high=1e-10)

# %% [markdown]
# ## 3 Training and test · 20 minutes
#
# In training, the output for *your* image depends on the images it happens to share a batch with.
# At test time nobody wants that: a prediction should not depend on its neighbors, and a batch may
# hold a single image. So the layer keeps **running statistics** of the batches seen in training:
#
# $$\mu_r \leftarrow (1-m)\,\mu_r + m\,\mu, \qquad
# \sigma_r^2 \leftarrow (1-m)\,\sigma_r^2 + m\,\tfrac{n}{n-1}\sigma^2,$$
#
# and uses those: $y=\gamma\,(x-\mu_r)/\sqrt{\sigma_r^2+\varepsilon}+\beta$. They are buffers, not
# parameters: no gradient, but saved with the model. They start at 0 and 1.

# %% [markdown]
# Three details trip people up. The running variance is the **unbiased** one ($n-1$), while the
# transform uses the biased one. The **momentum** $m$ of PyTorch is the weight of the *new* batch
# (0.1); Keras gives the weight of the past (0.99). And `model.eval()` is what switches.
#
# ### Explore: batch and running statistics
#
# The figure shows one unit of a first layer on the digits. Left: means of 400 batches. Middle: five
# fixed images, each in 60 batches (dots), and in eval mode (bars). Right: the running mean; the
# band is one standard deviation to each side of where theory expects it,
# $\mu\pm\frac{\sigma}{\sqrt n}\sqrt{m/(2-m)}$. It is narrow: the box magnifies the end.
#
# Try batch size 2. Then momentum 0.001 and 1.

# %%
x_train, y_train, x_test, y_test = normalization.load_split(tuple(SEEDS))
rng = np.random.default_rng([SEED, 50])
units = data.digits().images @ rng.normal(0, np.sqrt(2 / 64), (64, 32))  # (images, 32)
explore_statistics(units[:, np.argmax(np.abs(units.mean(0)) / units.std(0))], seed=SEED)

# %% [markdown]
# ### Exercise 05.2 · `update_running` · 1 point
#
# One update of the running statistics with the batch `x`, PyTorch's conventions. Return **new**
# arrays (mean, variance).
#
# <details><summary>Hint 1</summary>
#
# Both formulas are an average with the weights `1 - momentum` (past) and `momentum` (this batch).
# </details>
# <details><summary>Hint 2</summary>
#
# The unbiased variance is `x.var(axis=0, ddof=1)`.
# </details>
# <details><summary>Hint 3</summary>
#
# `(1 - momentum) * running_mean + momentum * x.mean(axis=0)`, and the same for the variance. Do not
# use `+=`: it would change the caller's array.
# </details>


# %% exercise="05.2"
def update_running(
    running_mean: np.ndarray, running_var: np.ndarray, x: np.ndarray, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """The running mean and variance, (d,) each, after the batch x.

    running_mean, running_var: (d,); x: (n, d), n ≥ 2; momentum: weight of the new batch, in (0, 1].
    """
    ### BEGIN SOLUTION
    mean = (1 - momentum) * running_mean + momentum * x.mean(axis=0)
    var = (1 - momentum) * running_var + momentum * x.var(axis=0, ddof=1)
    return mean, var
    ### END SOLUTION


# %% check="05.2"
check("05.2", update_running)

# %% [markdown]
# ### Exercise 05.3 · `batch_norm_eval` · 1 point
#
# The output in eval mode. It must work for a single example, (1, d), and every row must come out
# the same whatever the other rows are.
#
# <details><summary>Hint 1</summary>
#
# Nothing is measured here: all statistics come in as arguments.
# </details>
# <details><summary>Hint 2</summary>
#
# It is exercise 05.1 with `running_mean` and `running_var` in the place of `mean` and `var`.
# </details>
# <details><summary>Hint 3</summary>
#
# `gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta`
# </details>


# %% exercise="05.3"
def batch_norm_eval(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float,
) -> np.ndarray:
    """γ·x̂ + β with the running statistics, (n, d).

    x: (n, d), n ≥ 1; all else but eps: (d,); eps > 0 is added to the variance.
    """
    ### BEGIN SOLUTION
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    ### END SOLUTION


# %% check="05.3"
check("05.3", batch_norm_eval)

# %% [markdown]
# ### A forgotten `eval()`
#
# Take the trained ReLU networks of section 1 and 700 test images. Somebody forgot `model.eval()`,
# so every test batch is normalized with its own statistics. And the test images come sorted: first
# all zeros, then all ones, and so on.

# %%
predict(
    "In eval mode these networks get about 93 % right. In training mode, batches of 32, images "
    "sorted by class?",
    ["about 93 %", "about 89 %", "about 60 %", "below 25 %"],
    answer=3,
    because="In a batch of sevens, being a seven is the mean: it is subtracted. What is left are "
    "the differences between sevens, spread out to variance 1, and the next layer reads them as "
    "differences between classes.",
)

# %%
relu_nets = runs["relu", "before"].nets
x_sorted, y_sorted = normalization.sort_by_class(x_test, y_test)
accuracies = np.array([
    nets.accuracy(relu_nets, x_test, y_test),
    normalization.batch_accuracy(relu_nets, x_test, y_test, size=32),
    normalization.batch_accuracy(relu_nets, x_sorted, y_sorted, size=32),
    normalization.batch_accuracy(relu_nets, x_test, y_test, size=2),
])  # fmt: skip
names = ["eval mode", "batches of 32", "batches of 32,\nsorted by class", "batches of 2"]
in_eval, shuffled, by_class, twos = accuracies.mean(1)
plots.show(
    figures.plot_test_batches(names, accuracies),
    alt=f"Test accuracy of the same networks: eval mode {in_eval:.2f}, training mode with batches "
    f"of 32 {shuffled:.2f}, sorted by class {by_class:.2f}, batches of 2 {twos:.2f}.",
)

# %%
claim("eval mode", in_eval, low=0.89, high=0.97)
claim("training mode, batches of 32, shuffled", shuffled, low=0.85, high=0.93)
claim("what the shuffled batches cost", in_eval - shuffled, low=0.01, high=0.07)
claim("training mode, batches of 32, sorted by class", by_class, low=0.12, high=0.23)
claim("training mode, batches of 2", twos, low=0.22, high=0.36)
alone = normalization.batch_accuracy(relu_nets, x_sorted, y_sorted, size=2).mean()
claim("training mode, pairs of one class", alone, low=0.05, high=0.15)

# %% [markdown]
# "Batch normalization cannot be used at test time" is said of the *batch* statistics. With those it
# is unsafe: the answer to an image depends on its neighbors. With the running ones a single image
# is no problem. Note the second column, too: even a shuffled batch of 32 costs about four points.
#
# ### The other accident: running statistics that lag
#
# Keras's 0.99 is PyTorch's 0.01. Typed into PyTorch as it stands, 0.99 keeps almost nothing of the
# past: the statistics are almost those of the last batch. But a small momentum keeps the *start*,
# mean 0 and variance 1, for a long time: 0.01, the right translation, needs several hundred steps,
# 0.001 several thousand. Below: pixels from 0 to 16, where the start is far off. One training, four
# sets of running statistics.

# %%
lag = run_lag([0.99, 0.1, 0.01, 0.001], seeds=SEEDS)
end = dict(zip(lag.momenta, lag.running[:, -1], strict=True))
plots.show(
    figures.plot_lag(lag),
    alt="Test accuracy over 150 steps. Momentum 0.1 follows the accuracy with batch statistics, "
    f"{lag.batch[-1]:.3f} at the end; 0.99 stays a little below it, {end[0.99]:.3f}; 0.01 lags "
    f"behind and ends at {end[0.01]:.3f}, 0.001 at {end[0.001]:.2f}.",
)

# %%
claim("batch statistics at the end", lag.batch[-1], low=0.9, high=0.97)
claim("momentum 0.1 against batch statistics", end[0.1] - lag.batch[-1], low=-0.02, high=0.02)
claim("momentum 0.99 costs", lag.batch[-1] - end[0.99], low=0.005, high=0.04)
claim("momentum 0.01 costs, after 150 steps", lag.batch[-1] - end[0.01], low=0.012, high=0.065)
claim("momentum 0.01 is behind 0.99 by", end[0.99] - end[0.01], low=-0.015, high=0.045)
for momentum, low, high in ((0.01, 300, 700), (0.001, 3000, 7000)):
    left = np.log(0.01) / np.log(1 - momentum)
    claim(f"momentum {momentum:g}: steps until 1 % of the start is left", left, low=low, high=high)
claim("momentum 0.001: accuracy", end[0.001], low=0.35, high=0.68)
claim("what is left of the start after 150 batches, 0.01", 0.99**150, low=0.22, high=0.23)
claim("the same after 500 batches", 0.99**500, high=0.01)
claim("what is left of the start after 150 batches, 0.001", 0.999**150, low=0.86, high=0.87)

# %% [markdown]
# After 150 steps both cost points: the accident, 0.99, one to four, the right translation, 0.01,
# one to six, in most runs the more of the two. A fifth of its statistics is still the start. After
# 500 steps it would be less than 1 %.
#
# The network with momentum 0.001 is as good as the others; only its eval mode is not ready. When
# training accuracy is fine and test accuracy is far below it *from the first epoch* (once through
# the training set), look here before you call it overfitting.

# %% [markdown]
# ## 4 The way back · 15 minutes
#
# Let $g_i = \partial L/\partial y_i$. The gradients of γ and β are sums over the batch:
#
# $$\frac{\partial L}{\partial\gamma} = \sum_i g_i \hat x_i, \qquad
# \frac{\partial L}{\partial\beta} = \sum_i g_i .$$
#
# For $x_j$ mind that it enters three times: in its own numerator, in $\mu$ and in $\sigma$. With
# $s=\sqrt{\sigma^2+\varepsilon}$ we have $\partial\mu/\partial x_j = 1/n$ and
# $\partial s/\partial x_j = (x_j-\mu)/(ns) = \hat x_j/n$. So
#
# $$\frac{\partial \hat x_i}{\partial x_j} = \frac1s\Big(\delta_{ij} - \frac1n
# - \frac{\hat x_i\hat x_j}{n}\Big), \qquad
# \frac{\partial L}{\partial x_j} = \frac{\gamma}{s}\Big(g_j - \overline{g}
# - \hat x_j\,\overline{g\hat x}\Big),$$
#
# where a bar is a mean over the batch, and $\delta_{ij}$ is 1 for $i=j$ and 0 otherwise. Two things
# are taken away from the gradient: its mean, and (up to ε) its component along $\hat x$. Both are
# directions that the output cannot see: shifting all $x_i$, stretching all $x_i$.

# %%
generator = torch.Generator().manual_seed(SEED)
x, upstream = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64)  # (8, 3) each
x.requires_grad_()
x_hat = F.batch_norm(x, None, None, training=True, eps=1e-30)  # torch refuses ε = 0
(dx,) = torch.autograd.grad(x_hat, x, upstream)
claim("sum of the gradient over the batch", dx.sum(0).abs().max(), high=1e-10)
claim("its inner product with x̂", (dx * x_hat.detach()).sum(0).abs().max(), high=1e-10)
claim("size of the gradient itself", dx.norm(dim=0), low=0.1)

# %% [markdown]
# ### Exercise 05.4 · `batch_norm_backward` · 2 points
#
# Return the tuple (gradient of x (n, d), of γ (d,), of β (d,)).
#
# <details><summary>Hint 1</summary>
#
# Compute `x_hat` and `std = np.sqrt(var + eps)` first, as in 05.1.
# </details>
# <details><summary>Hint 2</summary>
#
# The gradients of γ and β are sums over axis 0. Divided by n they are the two means that the
# gradient of x needs.
# </details>
# <details><summary>Hint 3</summary>
#
# `gamma / std * (grad_out - dbeta / n - x_hat * dgamma / n)`
# </details>


# %% exercise="05.4"
def batch_norm_backward(
    grad_out: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, γ and β, from grad_out = ∂L/∂y, in training mode.

    grad_out and x: (n, d), n ≥ 2; gamma: (d,); eps > 0 is added to the variance.
    """
    ### BEGIN SOLUTION
    n = len(x)
    std = np.sqrt(x.var(axis=0) + eps)  # (d,)
    x_hat = (x - x.mean(axis=0)) / std  # (n, d)
    dgamma, dbeta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    dx = gamma / std * (grad_out - dbeta / n - x_hat * dgamma / n)
    return dx, dgamma, dbeta
    ### END SOLUTION


# %% check="05.4"
check("05.4", batch_norm_backward)

# %% [markdown]
# Now your layer against PyTorch's: forward, backward and buffers, for vectors and for images.

# %%
rng = np.random.default_rng([SEED, 51])
x, upstream = rng.normal(1, 2, (2, 6 * 4 * 3, 5))  # (N·H·W, C) each
gamma, beta = rng.normal(size=(2, 5))


def torch_layer(layer, shape):
    """Output, gradients of x, γ, β and both buffers of a layer on x as images of this shape."""
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(gamma))
        layer.bias.copy_(torch.tensor(beta))
    tensor = torch.tensor(x.reshape(shape)).movedim(-1, 1).requires_grad_()  # channels second
    out = layer(tensor)
    out.backward(torch.tensor(upstream.reshape(shape)).movedim(-1, 1))
    back = [t.detach().movedim(1, -1).reshape(x.shape).numpy() for t in (out, tensor.grad)]
    rest = [layer.weight.grad, layer.bias.grad, layer.running_mean, layer.running_var]
    return [*back, *(t.numpy() for t in rest)]


# %%
references = {
    "BatchNorm1d": torch_layer(nn.BatchNorm1d(5).double(), (72, 5)),
    "BatchNorm2d": torch_layer(nn.BatchNorm2d(5).double(), (6, 4, 3, 5)),
}
parts = ["output", "gradient of x", "gradient of γ", "gradient of β", "running mean", "running var"]
try:
    mine = [batch_norm_train(x, gamma, beta, 1e-5)]
    mine += batch_norm_backward(upstream, x, gamma, 1e-5)
    mine += update_running(np.zeros(5), np.ones(5), x, 0.1)
except NotImplementedError:
    print("not attempted yet: 05.1, 05.2 or 05.4; going on with PyTorch's own two layers")
    mine = references.pop("BatchNorm1d")
for name, reference in references.items():
    for part, a, b in zip(parts, mine, reference, strict=True):
        claim(f"{name}, {part}: largest difference", np.abs(a - b).max(), high=1e-10)

# %% [markdown]
# ### Written question 05.w · 2 points
#
# A linear layer $x = Wh + b$ stands directly before batch normalization. Show that $b$ is useless
# in training. Use its gradient: write $\partial L/\partial b$ with the formulas of this section,
# and say what it is and why. What follows for how you build such a network, and where does the
# argument end? (5 to 8 sentences or lines.)

# %% [markdown] written="05.w"
# ### BEGIN SOLUTION
# Adding b to every example of the batch shifts the batch mean by b as well, so x − μ, and with it
# the output, is the same for every b. The gradient says it, too: ∂L/∂b = Σ_j ∂L/∂x_j, and
# ∂L/∂x_j = γ/s·(g_j − ḡ − x̂_j·mean(g x̂)). Summed over the batch, Σ(g_j − ḡ) = 0 and Σ x̂_j = 0,
# so ∂L/∂b = 0 exactly: b keeps its first value for ever (or decays, if it has weight decay). So
# build the layer with bias=False; β does what the bias would do, and has a gradient. The argument
# ends in eval mode: there μ_r is a constant, and changing b by hand changes the output until the
# running mean has followed. It also needs the bias to stand directly before the normalization: one
# behind it, or in front of a layer norm (which averages over features), is not removed.
# ### END SOLUTION

# %%
generator = torch.Generator().manual_seed(SEED)
h = torch.randn(64, 20, generator=generator, dtype=torch.float64)
weight = torch.randn(20, 30, generator=generator, dtype=torch.float64, requires_grad=True)
bias = torch.zeros(30, dtype=torch.float64, requires_grad=True)
F.batch_norm(h @ weight + bias, None, None, training=True).pow(3).sum().backward()
claim("largest gradient of the bias", bias.grad.abs().max(), high=1e-9)
claim("largest gradient of the weights", weight.grad.abs().max(), low=0.1)

# %% [markdown]
# ## 5 The length of the weights does not count · 15 minutes
#
# Multiply all weights of one unit by $a > 0$. Its input $x$ grows by $a$, so do $\mu$ and $\sigma$,
# and $\hat x$ is what it was (up to ε). The loss is **scale invariant**: $L(aw)=L(w)$.

# %%
predict(
    "The weights before a batch normalization are multiplied by 10. What happens to the gradient "
    "with respect to these weights?",
    ["it stays the same, as the output does", "10 times larger", "10 times smaller"],
    answer=2,
    because="Differentiate L(aw) = L(w) with respect to w: a·∇L(aw) = ∇L(w). The loss must climb "
    "the same hill over ten times the distance, so its slope is a tenth.",
)


# %%
def loss_and_gradient(w):
    """A loss behind batch normalization, and its gradient; w is (20, 30)."""
    w = w.clone().requires_grad_()
    out = F.batch_norm(h @ w, None, None, training=True, eps=1e-30)
    loss = (out - target).square().mean()
    return loss.detach(), torch.autograd.grad(loss, w)[0]


w = torch.randn(20, 30, generator=generator, dtype=torch.float64)
target = torch.randn(64, 30, generator=generator, dtype=torch.float64)
(loss, grad), (loss_10, grad_10) = loss_and_gradient(w), loss_and_gradient(10 * w)
claim("loss with 10 w over loss with w", loss_10 / loss, low=1 - 1e-10, high=1 + 1e-10)
claim("gradient at w over gradient at 10 w", grad / grad_10, low=10 - 1e-6, high=10 + 1e-6)
claim("inner product of w and its gradient, each unit", (w * grad).sum(0).abs(), high=1e-10)

# %% [markdown]
# The last line is the radial part: $\langle w, \nabla L\rangle = 0$. The gradient only *turns* the
# weights. Two consequences:
#
# - A step of SGD is perpendicular to $w$, so $\|w\|^2$ grows by $\eta^2\|\nabla L\|^2$, always.
# - What counts is the angle, and a step turns $w$ by about $\eta\|\nabla L\|/\|w\|$, where
#   $\|\nabla L\|$ itself is proportional to $1/\|w\|$. The **effective learning rate** is
#   $\eta/\|w\|^2$.
#
# So starting with weights ten times larger is the same as a learning rate 100 times smaller,
# exactly. Two networks, trained for 200 steps on the digits, one with hidden weights $10\,w_0$ and
# the rate $100\,\eta$ for them (γ, β and the output layer keep theirs, and $\eta$):

# %%
(adjusted, same_rate), largest = deep.rescaled_twins(10.0, seed=SEED)
claim("10 w₀ and 100 η: largest difference of the logits", adjusted, high=1e-9)
claim("10 w₀ and the same η: largest difference", same_rate, low=1)
claim("largest logit", largest, low=3)

# %% [markdown]
# ### Explore: only the angle counts
#
# The figure is the plane of two weights of one normalized unit. The loss depends on the angle only;
# white circles are lengths 1, 2, 3. Start close to the origin with a large η: one step throws $w$
# far out, and its length never comes back: from there on it turns slowly. Now add gradient noise (a
# mini-batch) and weight decay λ: noise pushes out, decay pulls in, and $\|w\|$ settles at
# $(\eta\nu^2/2\lambda)^{1/4}$ (dashed). Like the gradient itself, its noise is the smaller the
# longer $w$ is: $\nu/\|w\|$.

# %%
explore_rays(seed=SEED)

# %% [markdown]
# In this balance the decay cancels the growth: $2\eta\lambda\|w\|^2 = \eta^2\|\nabla L\|^2$. Divide
# by $\|w\|^2$ and take the root: a step turns the weights by
#
# $$\frac{\eta\|\nabla L\|}{\|w\|} = \sqrt{2\eta\lambda},$$
#
# whatever the loss, the data or the gradient. Weight decay before a batch normalization does not
# make the function simpler: the length has no meaning. It sets the *learning rate*. Real networks,
# 30 % wrong labels (noisy gradients to the end), decay on the hidden weights only:

# %%
decayed = deep.decay_run([0.0, 0.1, 0.3], seeds=SEEDS[:8])
start, (stays, falls, deeper) = decayed.norm[0, 0], decayed.norm[-1]
plots.show(
    figures.plot_decay(decayed),
    alt=f"Left: the norm of the weights goes from {start:.1f} to {stays:.1f} without decay, to "
    f"{falls:.1f} with λ = 0.1 and to {deeper:.1f} with 0.3. Right: with decay the turn per step "
    "rises to the dashed lines √(2ηλ).",
)

# %%
theory = np.sqrt(2 * decayed.lr * np.array(decayed.decays[1:]))
turn = decayed.turn[-60:].mean(0)
claim("turn per step over √(2ηλ), λ = 0.1 and 0.3", turn[1:] / theory, low=0.9, high=1.1)
claim("without decay: norm at the end over the start", decayed.norm[-1, 0] / decayed.norm[0, 0],
      low=1.001, high=1.1)  # fmt: skip
claim("without decay: turn per step", turn[0], high=0.03)
accuracy = decayed.accuracy.mean(1)
claim("λ = 0.3 against no decay: test accuracy", accuracy[2] - accuracy[0], low=-0.2, high=0)

# %% [markdown]
# The theory is within a few percent, without a free constant. The last claim is the sober side: a
# larger effective learning rate is not a gift. With wrong labels it cost test accuracy here.

# %% [markdown]
# ## 6 Bad weights, large rates · 10 minutes
#
# How bad may the initialization be, and how large the learning rate? ReLU networks with four hidden
# layers of 32, 100 steps, four seeds. On the left only the hidden weights differ: behind the output
# layer there is no normalization that could help. For comparison there is layer normalization: the
# same formula, but with mean and variance over the features of each example (more in section 8).

# %%
STDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
RATES = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
by_std = [sweeps.sweep_stds(STDS, n, seeds=SEEDS[:4]) for n in (None, "batch", "layer")]
by_rate = [sweeps.sweep_rates(RATES, n, seeds=SEEDS[:4]) for n in (None, "batch")]
plain, batch, layer = (dict(zip(STDS, found.mean(1), strict=True)) for found in by_std)
plots.show(
    figures.plot_sweeps(STDS, by_std, RATES, by_rate),
    alt="Test accuracy. Left: without normalization weights of std 0.3 train, 0.1 in part "
    f"({plain[0.1]:.2f}), the others do not; with batch norm all from 0.001 to 0.3 train, 1 and 3 "
    f"in part ({batch[1.0]:.2f} and {batch[3.0]:.2f}); layer norm trains from 0.03 to 0.3, 0.01, 1 "
    f"and 3 in part ({layer[0.01]:.2f}, {layer[1.0]:.2f}, {layer[3.0]:.2f}). Right: without "
    "normalization accuracy falls to chance between learning rates 0.4 and 1.6, with batch norm "
    "between 1.6 and 6.4.",
)

# %%
claim("std 0.1 without normalization: accuracy", plain[0.1], low=0.2, high=0.65)
trained = by_std[0].mean(1) > 0.75
claim("stds out of 8 that train without normalization", trained.sum(), low=1, high=1)
claim("batch norm, std 0.001 to 0.3: accuracy", by_std[1][:6].mean(1), low=0.8)
claim("batch norm, std 3: accuracy", batch[3.0], low=0.4, high=0.7)
claim("layer norm, std 0.001: accuracy", layer[0.001], high=0.3)
claim("layer norm, std 0.03, 0.1, 0.3: accuracy", [layer[s] for s in STDS[3:6]], low=0.75)
rates = {name: dict(zip(RATES, found.mean(1), strict=True))
         for name, found in zip(("none", "batch"), by_rate, strict=True)}  # fmt: skip
claim("rate 0.4 without normalization", rates["none"][0.4], low=0.7, high=0.99)
claim("rate 1.6 without normalization", rates["none"][1.6], high=0.3)
claim("rate 1.6 with batch norm", rates["batch"][1.6], low=0.85, high=0.99)
claim("rate 6.4 with batch norm", rates["batch"][6.4], high=0.25)

# %% [markdown]
# Batch normalization widens the window of weights from one of eight values (and a second, 0.1, in
# part) to six of eight, down to the smallest tried, and allows about four times the learning rate.
# "Then the initialization does not matter" still goes too far. By section 5 the std of the hidden
# weights *is* a learning rate: 3 instead of He's 0.25 is the same as a rate $(3/0.25)^2 = 144$
# times smaller. These networks are only half trained.
#
# Why does 0.001 not fail? By the same formula the effective rate is $(0.25/0.001)^2$, some 60,000
# times larger (ε, which is not small beside such variances, takes a part of that). You saw the
# answer in the plane: the first step throws the weights far out, and that lowers the rate.

# %%
grown = sweeps.grow_in_one_step(0.001, seeds=SEEDS)
claim("std 0.001: growth of the hidden weights' norm in the first step", grown, low=100, high=1000)
grown = sweeps.grow_in_one_step(0.25, seeds=SEEDS)
claim("std 0.25: growth in the first step", grown, low=1.0, high=1.05)

# %% [markdown]
# With batch normalization an effective rate that is too large corrects itself in one step. One that
# is too small does not. And only normalized weights correct theirs: on the right the rate 6.4
# fails, while on the left hidden weights of std 0.03 train with about the same effective rate. The
# large rate on the right is also that of γ, β and the output layer.
#
# Layer normalization does not see the length of a layer's weights either, and its first step throws
# them out as well. Yet at 0.001 it stays at chance. Look at the outputs of the last hidden layer:
# which share of their mean square is variance over the images?

# %%
grown = sweeps.grow_in_one_step(0.001, norm="layer", seeds=SEEDS[:4])
claim("std 0.001, layer norm: growth in the first step", grown, low=100, high=1500)
for norm in ("batch", "layer"):
    before, after = sweeps.share_between_images(0.001, norm=norm, seeds=SEEDS[:4]).mean(1)
    claim(f"std 0.001, {norm} norm: share that differs, fresh", before, low=0.15, high=0.8)
    limits = {"low": 0.5} if norm == "batch" else {"high": 0.01}
    claim(f"std 0.001, {norm} norm: share after the first step", after, **limits)

# %% [markdown]
# With layer normalization every image gives nearly the same output after the throw. Batch
# normalization subtracts what the images share and stretches the rest, in every layer. Layer
# normalization looks at one image only: it cannot know what the others have in common with it.

# %% [markdown]
# ## 7 Gradients over depth · 10 minutes

# %%
predict(
    "50 layers of batch normalization and ReLU, fresh weights, large batches. How does the "
    "gradient at the first layer compare with that at the last?",
    [
        "about equal: that is what the normalization is for",
        "thousands of times smaller",
        "thousands of times larger",
    ],
    answer=2,
    because="Forward, every layer is set to variance 1. Backward, nothing is: the gradient is "
    "multiplied by about 1.21 in every layer.",
)

# %% [markdown]
# Why 1.21? A wide random layer gets $z\sim N(0,1)$ from the normalization and puts out
# $h=\varphi(z)$. The next layer multiplies by weights, and divides by its own standard deviation
# over the batch, $\sqrt{\text{fan\_in}\cdot\operatorname{Var}w\cdot\operatorname{Var}\varphi}$. On
# the way back the gradient is multiplied by the weights and by $\varphi'$, and divided by the same
# standard deviation:
#
# $$\frac{\|g_{l-1}\|^2}{\|g_l\|^2}
# = \frac{\mathbb E[\varphi'(z)^2]}{\operatorname{Var}[\varphi(z)]} \;\ge\; 1 .$$
#
# ($g_l$: the gradient at layer $l$; $\|g_l\|^2$ is a sum over its units. The mean over units keeps
# a factor $n_\text{out}/n_\text{in}$, measured below; it is 1 where layers are equally wide.) The
# weights' variance cancels, so none that you could choose helps, as long as the layers are wide,
# the batches large and the weights independent. The inequality is Poincaré's: for normal $z$ a
# function's variance is at most its mean squared slope, and equal to it for straight lines only.
# For ReLU the quotient is
# $\frac12\big/\big(\frac12-\frac1{2\pi}\big)=\frac{\pi}{\pi-1}=1.467$, whose root is 1.211 (Yang
# et al. 2019). **Layer normalization** divides by the spread over features,
# $\mathbb E[\varphi^2]$ in place of the variance: 1 for ReLU, the same as batch normalization for
# tanh, whose mean is 0, and for sigmoid far below 1.

# %%
factors = {a: deep.gradient_factor(a, "batch") for a in ["identity", *ACTIVATIONS]}
print({name: round(value, 4) for name, value in factors.items()})
claim("smallest factor of four activations", min(factors.values()), low=1 - 1e-6)
claim("sigmoid over 50 layers", factors["sigmoid"] ** 50, low=2, high=2.6)
claim("tanh: layer norm's factor over batch norm's", deep.gradient_factor("tanh", "layer")
      / factors["tanh"], low=1 - 1e-9, high=1 + 1e-9)  # fmt: skip
claim("ReLU: squared factor minus π/(π−1)", factors["relu"] ** 2 - np.pi / (np.pi - 1),
      low=-1e-3, high=1e-3)  # fmt: skip

# %%
n_in, n_out = 512, 128  # a layer that is not as wide as the one before it
generator = torch.Generator().manual_seed(SEED)
z = torch.randn(1000, n_in, generator=generator, requires_grad=True)
weights = torch.randn(n_in, n_out, generator=generator)
arriving = torch.randn(1000, n_out, generator=generator)
F.batch_norm(z.relu() @ weights, None, None, training=True).backward(arriving)
sums, means = (
    f(z.grad**2) / f(arriving**2) / factors["relu"] ** 2 for f in (torch.sum, torch.mean)
)
claim("ReLU, 512 units to 128: ratio of sums over theory", sums, low=0.975, high=1.025)
claim("ratio of means over theory, with 128/512 = 0.25", means, low=0.244, high=0.256)

# %%
stack = deep.draw_stack(SEED, samples=256, width=128, depth=50)


def growth(activation, norm):
    """The gradient's factor per layer, the geometric mean over 49 layers."""
    std = np.sqrt((2 if activation == "relu" else 1) / 128)
    signals = deep.measure_signals(stack, activation=activation, norm=norm, std=std, depth=50)
    return 10 ** ((signals.log_gradient[0] - signals.log_gradient[-1]) / 49)


for activation in ACTIVATIONS:
    for norm in ("batch", "layer"):
        ratio = growth(activation, norm) / deep.gradient_factor(activation, norm)
        claim(f"{activation}, {norm} norm: measured factor over theory", ratio, low=0.95, high=1.05)
claim("ReLU, batch norm, 49 layers", growth("relu", "batch") ** 49, low=2e3, high=4e4)
claim("ReLU with He's weights, no normalization, per layer", growth("relu", "none"),
      low=0.95, high=1.05)  # fmt: skip

# %% [markdown]
# ### Explore: signals over depth
#
# Left the activations, right the gradients on their way back, over the layers; the wide pale lines
# are the theory. Slide the weights' std: from 0.01 up only the blue curve moves by much. Switch to
# sigmoid: batch normalization holds, layer normalization lets the gradient vanish.
#
# Now go down to 0.001. The layers are 48 wide, so the variance of $z$ over the batch is about
# $48\cdot 0.001^2\cdot\operatorname{Var}[\varphi]$, no more than twice ε, and what comes out has a
# variance well below 1. With ReLU and tanh the gradients grow less, with sigmoid they vanish.

# %%
explore_depth(seed=SEED)

# %%
z = torch.randn(100_000, generator=torch.Generator().manual_seed(SEED))
of_eps = [48 * 0.001**2 * nets.ACTIVATIONS[a](z).var() / 1e-5 for a in ACTIVATIONS]
claim("width 48, std 0.001: Var(z) over ε", torch.tensor(of_eps), low=0.1, high=2.1)
narrow = [deep.draw_stack(s, samples=96, width=48, depth=20) for s in SEEDS]  # like the figure's


def grow_narrow(activation, norm, std):
    """The gradient in layer 1 over that in layer 20, a number per draw, (16,)."""
    settings = {"activation": activation, "norm": norm, "std": std, "depth": 20}
    logs = [deep.measure_signals(stack, **settings).log_gradient for stack in narrow]
    return 10 ** np.array([log[0] - log[-1] for log in logs])


def middle(values):
    """The geometric mean."""
    return np.exp(np.log(values).mean())


base = {a: grow_narrow(a, "batch", 0.2) for a in ACTIVATIONS}
for a in ACTIVATIONS:
    kept = middle(grow_narrow(a, "batch", 0.01) / base[a])
    claim(f"{a}, batch norm, std 0.01 against 0.2: gradient in layer 1", kept, low=0.7, high=1.3)
tiny = {a: middle(grow_narrow(a, "batch", 0.001) / base[a]) for a in ACTIVATIONS}
claim("ReLU, tanh: std 0.001 against 0.2", [tiny["relu"], tiny["tanh"]], low=0.25, high=0.7)
claim("sigmoid: std 0.001 against 0.2", tiny["sigmoid"], high=1e-4)
alone = grow_narrow("relu", "layer", 0.2)
claim("ReLU, layer norm, theory 1: mean of 16 draws", middle(alone), low=0.5, high=2)
far = np.exp(np.abs(np.log(alone)).max())
claim("the draw farthest from 1 is off by a factor of", far, low=1.5, high=10)

# %% [markdown]
# The figure draws a single network. With layer norm and ReLU it may leave its line: the mean over
# draws is near theory's 1, but at this width one of sixteen may well be off by a factor of three.

# %% [markdown]
# The theory makes a prediction: layer normalization should *not* cure the patient of section 1.

# %%
layered = normalization.train_variant("layer", "sigmoid", seeds=SEEDS)
claim("sigmoid with layer norm: factor per layer, theory", deep.gradient_factor("sigmoid", "layer"),
      low=0.38, high=0.40)  # fmt: skip
claim("sigmoid with layer norm: test accuracy", layered.accuracy.mean(), high=0.6)
claim("sigmoid with batch norm: test accuracy", final["sigmoid", "before"], low=0.84)

# %% [markdown]
# The cause is the mean. A sigmoid's outputs are all positive, so all inputs of the next layer share
# a large common part. Batch normalization takes it away, layer normalization divides by it. Very
# deep networks with batch normalization are trained with residual connections (the input of a block
# is added to its output), which shorten the product of factors; without them a plain stack of 50
# layers starts with the gradients above.

# %% [markdown]
# ## 8 Small batches, and the relatives · 20 minutes
#
# In a batch of two, a unit can say −1 or +1 only (section 2). What does that do to training? The
# same number of updates for all; plain SGD, ReLU, three hidden layers.

# %%
SIZES = [2, 4, 32]
by_size = [sweeps.sweep_batch_sizes(SIZES, n, seeds=SEEDS[:6])
           for n in (None, "batch", "layer")]  # fmt: skip
without, batch, layer = (found.mean(1) for found in by_size)
told = [
    f"Batches of {n}: none {a:.2f}, batch norm {b:.2f}, layer norm {c:.2f}."
    for n, a, b, c in zip(SIZES, without, batch, layer, strict=True)
]
plots.show(
    figures.plot_batch_sizes(SIZES, by_size),
    alt=f"Test accuracy by batch size, means of six seeds. {' '.join(told)}",
)

# %%
claim("batches of 2, batch norm", batch[0], low=0.08, high=0.3)
claim("batches of 2, without and with layer norm", [without[0], layer[0]], low=0.62, high=0.92)
claim("batches of 4: batch norm behind layer norm", layer[1] - batch[1], low=0.05, high=0.25)
claim("batches of 32: batch norm against none", batch[2] - without[2], low=-0.025, high=0.05)
blow, own = sweeps.look_into_batches(2, seeds=SEEDS)
claim("batches of 2, batch norm, statistics of the whole test set", own.mean(), high=0.3)
claim("batches of 2: growth of the first layer's weights, median", np.median(blow), low=1.3)
pairs.requires_grad_()  # the 1000 batches of two of section 2
lost = {}
for eps in (1e-30, 1e-5):
    out = F.batch_norm(pairs.T, None, None, training=True, eps=eps)
    (lost[eps],) = torch.autograd.grad(out[0].sum(), pairs)  # ∂L/∂y is 1 for one of the two
claim("batches of 2, ε → 0: largest gradient", lost[1e-30].abs().max(), high=1e-6)
claim("batches of 2, ε = 1e-5: median gradient", lost[1e-5].abs().median(), high=1e-3)
claim("batches of 2, ε = 1e-5: largest gradient", lost[1e-5].abs().max(), low=10)

# %% [markdown]
# It is the training that fails, not the running statistics: with those of the whole test set the
# networks do no better. The gradient (section 4) loses its mean and its part along $\hat x$; a
# batch of two has only these two directions, so nothing is left. What gets through comes from ε:
# next to nothing for most pairs, and a blow where the two values nearly tie. In half of the
# networks or more the weights of the first layer end longer than they started by a third at least,
# often several times as long.
#
# ### Explore: a choice of axes
#
# The remedy is to take the mean over something else. Activations of images have four axes,
# $N\times C\times(H,W)$, and every relative of batch normalization is a choice of axes. Click
# through the kinds (behind `group` stands the number of groups); move `which set` to see the sets
# that share one mean and one variance.

# %%
explore_axes()

# %% [markdown]
# | norm | mean over | other examples? | where it is at home |
# |---|---|---|---|
# | batch norm | N, H, W | yes | convolutional networks, batches ≥ 16 |
# | layer norm | C, H, W; of a token: its features | no | transformers, recurrent networks |
# | instance norm | H, W | no | style transfer |
# | group norm | H, W and a group of channels | no | detection and segmentation, small batches |
#
# γ and β stay one for each channel (in `nn.LayerNorm` one for each normalized entry). Group
# normalization connects the others: one group is layer norm, one channel per group is instance
# norm.

# %%
x = torch.randn(4, 6, 5, 3, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
layer_norm, instance_norm = F.layer_norm(x, x.shape[1:]), F.instance_norm(x)
batch_of_one = F.batch_norm(x[:1], None, None, training=True)
pairs = {
    "one group against layer norm": F.group_norm(x, 1) - layer_norm,
    "six groups against instance norm": F.group_norm(x, 6) - instance_norm,
    "batch norm of a single image against instance norm": batch_of_one - instance_norm[:1],
    "layer norm of an image alone and in its batch": F.layer_norm(x[:1], x.shape[1:])
    - layer_norm[:1],
}
for statement, difference in pairs.items():
    claim(f"{statement}: largest difference", difference.abs().max(), high=1e-10)
try:
    nn.BatchNorm1d(6)(torch.zeros(1, 6))
except ValueError as error:
    print("A single vector in training mode:", error)

# %% [markdown]
# ### Exercise 05.5 · `normalize` · 2 points
#
# `x` has shape (N, C, H, W). Normalize (no γ, no β) with the sets of the figure:
#
# - `kind="layer"`: one set for each image;
# - `kind="instance"`: one for each channel of each image;
# - `kind="group"`: `groups` sets for each image, each made of C/groups **neighboring** channels.
#
# `groups` divides C (1 and C do, too); it counts for `"group"` only, ignore it for the others.
# Variances are biased, ε goes inside the root.
#
# <details><summary>Hint 1</summary>
#
# All three are group normalization. How many groups has layer norm, how many instance norm?
# </details>
# <details><summary>Hint 2</summary>
#
# `x.reshape(n, number_of_groups, -1)` puts every set in a row of its own: neighbors stay together.
# </details>
# <details><summary>Hint 3</summary>
#
# Mean and variance over axis 2 with `keepdims=True`; then reshape back to `x.shape`.
# </details>


# %% exercise="05.5"
def normalize(x: np.ndarray, kind: str, groups: int, eps: float) -> np.ndarray:
    """x with mean 0 and variance (nearly) 1 in every set, (N, C, H, W).

    x: (N, C, H, W); kind: "layer", "instance" or "group"; groups divides C; eps > 0.
    """
    ### BEGIN SOLUTION
    n, c = x.shape[:2]
    sets = {"layer": 1, "instance": c, "group": groups}[kind]
    rows = x.reshape(n, sets, -1)  # (N, sets, values in a set)
    mean, var = rows.mean(axis=2, keepdims=True), rows.var(axis=2, keepdims=True)
    return ((rows - mean) / np.sqrt(var + eps)).reshape(x.shape)
    ### END SOLUTION


# %% check="05.5"
check("05.5", normalize)

# %% [markdown]
# ### Weight normalization
#
# The odd one out normalizes the weights, not the activations: $w = g\,v/\|v\|$, with a learned
# length $g$ (the letter of its paper and of PyTorch; not a gradient here) and a direction $v$ for
# each unit. No batch, no statistics. $v$ is scale invariant, with all that section 5 says; the size
# of the activations is not controlled.

# %%
generator = torch.Generator().manual_seed(SEED)
linear = nn.Linear(6, 3).double()
nn.init.normal_(linear.weight, generator=generator)
linear = nn.utils.parametrizations.weight_norm(linear)
g, v = linear.parametrizations.weight.original0, linear.parametrizations.weight.original1
w = g * v / v.norm(dim=1, keepdim=True)  # (3, 6): a row, a unit
claim("g v/‖v‖ against PyTorch's weight_norm", (w - linear.weight).abs().max(), high=1e-10)
h = torch.randn(9, 6, generator=generator, dtype=torch.float64)
(h @ linear.weight.T).pow(3).sum().backward()
claim("⟨v, ∂L/∂v⟩ for each unit", (v * v.grad).sum(1).abs(), high=1e-10)
claim("size of ∂L/∂v", v.grad.norm(dim=1), low=0.1)

# %% [markdown]
# ## 9 Before or after the activation · 5 minutes
#
# Ioffe and Szegedy (2015) put it before the activation. Many texts say that after is better. Both
# are easily measured; the answer depends on whom you ask. Sixteen paired seeds per row.

# %%
SETTINGS = {
    "relu, 2 layers, η = 0.03": {"hidden": 2, "lr": 0.03},
    "relu, 4 layers of 64, η = 0.03,\n200 images": {
        "lr": 0.03,
        "n_train": 200,
        "width": 64,
        "steps": 150,
    },
}
rows = {f"{a}, 4 layers, η = 0.1": (runs[a, "before"], runs[a, "after"]) for a in ACTIVATIONS}
for name, setting in SETTINGS.items():
    rows[name] = tuple(
        normalization.train_variant(place, "relu", seeds=SEEDS, every=150, **setting)
        for place in ("before", "after")
    )
before, after = (np.array([pair[i].accuracy for pair in rows.values()]) for i in (0, 1))
gains, wins = (after - before).mean(1), (after > before).sum(1)
told = [
    f"{' '.join(name.split())}: {100 * gain:+.1f}, after wins {won} of {len(SEEDS)}"
    for name, gain, won in zip(rows, gains, wins, strict=True)
]
plots.show(
    figures.plot_places(list(rows), before, after),
    alt="Accuracy with batch norm after minus before the activation, mean over seeds in percentage "
    f"points. {'; '.join(told)}.",
)

# %%
claim("sigmoid: after minus before", gains[0], low=0.02, high=0.08)
claim("tanh, and ReLU with 4 layers: after minus before", gains[1:3], low=-0.015, high=0.02)
claim("ReLU with 2 layers: after minus before", gains[3], low=0.015, high=0.09)
claim("ReLU with 200 images: after minus before", gains[4], low=-0.03, high=-0.001)
claim("seeds out of 16 where after wins: ReLU with 2 layers", wins[3], low=13)
claim("seeds out of 16 where after wins: ReLU with 200 images", wins[4], high=7)

# %% [markdown]
# One activation, ReLU, and three answers: better, the same, worse. The sign depends on the setting
# (here depth, width, rate, steps and images differ together). A paper that tested one setting has
# tested one setting.

# %% [markdown]
# ## 10 Covariate shift: a story and an experiment · 10 minutes
#
# Ioffe and Szegedy's explanation: while the lower layers learn, the distribution of what the upper
# layers get shifts; batch normalization holds it still; so the upper layers learn faster. The shift
# is called **internal covariate shift**. Does holding it still explain the success?
#
# Santurkar et al. (2018) turned the question around: put the shift *back*. After every batch
# normalization, stretch and shift each unit by a random amount that changes at **every step**: by
# up to half a standard deviation, stretched by up to a quarter, and noise of 0.1 on top.

# %%
predict(
    "With this noise behind every batch normalization the mean inputs of a layer drift many times "
    "more than without any normalization. What will the **test accuracy** of the sigmoid and "
    "tanh networks be?",
    [
        "as without normalization, or worse",
        "half way between",
        "almost that with plain batch normalization",
    ],
    answer=2,
    because="If a still distribution were the reason, undoing it would undo the benefit. Here it "
    "does not: the accuracy changes by a point at most. Look at tanh's training loss, too.",
)

# %%
drift = {key: run.drift.mean() for key, run in runs.items()}
with_noise, without = ([drift[a, v] for a in ACTIVATIONS] for v in ("noisy", "none"))
plots.show(
    figures.plot_noise(runs, ACTIVATIONS),
    alt="Above: drift of a layer's mean input in 10 steps, in standard deviations: with noise "
    f"{min(with_noise):.2f} to {max(with_noise):.2f}, without normalization {min(without):.2f} to "
    f"{max(without):.2f}. Below: training loss; for sigmoid batch norm "
    "with noise is like plain batch norm, for tanh it ends between plain and none, for ReLU above "
    "both.",
)

# %%
more = [drift[a, "noisy"] / drift[a, "none"] for a in ACTIVATIONS]
claim("drift with noise over drift without normalization: sigmoid", more[0], low=25, high=70)
claim("the same for tanh", more[1], low=10, high=25)
claim("the same for ReLU", more[2], low=2, high=5)
held = [drift[a, "before"] / drift[a, "none"] for a in ACTIVATIONS]
claim("drift with plain batch norm over drift without", held, low=0.02, high=0.7)
cost = {a: final[a, "before"] - final[a, "noisy"] for a in ACTIVATIONS}
claim("sigmoid, tanh: accuracy that the noise costs", [cost["sigmoid"], cost["tanh"]],
      low=-0.01, high=0.012)  # fmt: skip
claim("tanh: noisy batch norm against no normalization",
      final["tanh", "noisy"] - final["tanh", "none"], low=0.0, high=0.03)  # fmt: skip
claim("ReLU: accuracy that the noise costs", cost["relu"], low=0.005, high=0.045)
claim("ReLU: noisy batch norm against no normalization",
      final["relu", "noisy"] - final["relu", "none"], low=-0.035, high=0.015)  # fmt: skip
far = drift["sigmoid", "noisy"] / drift["sigmoid", "before"]
claim("sigmoid: drift with noise over drift with plain batch norm", far, low=80, high=160)
gap = last["sigmoid", "noisy"] - last["sigmoid", "before"]
claim("sigmoid: training loss, noisy minus plain batch norm", gap, low=-0.1, high=0.0)
back = last["tanh", "noisy"] - last["tanh", "before"]
back /= last["tanh", "none"] - last["tanh", "before"]
claim("tanh: share of the gain in training loss that the noise takes", back, low=0.25, high=1)
gap = last["relu", "noisy"] - last["relu", "before"]
claim("ReLU: training loss, noisy minus plain batch norm", gap, low=0.03, high=0.15)

# %% [markdown]
# Sigmoid: with a drift a hundred times that of plain batch normalization it trains as well. So a
# still distribution is not *necessary*. Tanh: a drift about 15 times larger than without any
# normalization, and practically the same accuracy as with plain batch normalization; but the
# training loss goes a good part of the way back, on average more than half. ReLU: the noise costs
# two or three points, in most runs more than batch normalization gave, and the loss is the highest
# of the three. The noise is not free.
#
# Fair summary: batch normalization does hold the means still (compare the first two bars), but that
# does not explain why it works. What you measured in sections 5 to 7 (sizes that cannot run away, a
# learning rate that adapts, differences between inputs that survive) does not need the story.

# %% [markdown]
# ## 11 Folding · 5 minutes
#
# In eval mode batch normalization is a fixed scale and shift of each unit. The linear layer before
# it can take both over; then the normalization is gone, at no cost:
#
# $$\gamma\,\frac{(hW+b)-\mu_r}{\sqrt{\sigma_r^2+\varepsilon}}+\beta \;=\; h\,W'+b' .$$
#
# ### Exercise 05.6 · `fold_batch_norm` · 1 point
#
# Here a layer computes `h @ weight + bias`, `weight` is (fan_in, fan_out). Return (W′, b′).
#
# <details><summary>Hint 1</summary>
#
# Collect the factor of each unit first: `scale`, of shape (fan_out,).
# </details>
# <details><summary>Hint 2</summary>
#
# A unit's weights are a *column*: `weight * scale` scales columns.
# </details>
# <details><summary>Hint 3</summary>
#
# What is left without $hW$ is $(b-\mu_r)\cdot$ scale $+\,\beta$.
# </details>


# %% exercise="05.6"
def fold_batch_norm(
    weight: np.ndarray,
    bias: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (fan_in, fan_out) and bias (fan_out,) of one layer that does the work of both.

    weight: (fan_in, fan_out); all else but eps: (fan_out,); eps > 0 is added to the variance.
    """
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(running_var + eps)  # (fan_out,)
    return weight * scale, (bias - running_mean) * scale + beta
    ### END SOLUTION


# %% check="05.6"
check("05.6", fold_batch_norm)

# %%
generator = torch.Generator().manual_seed(SEED)
linear, norm = nn.Linear(20, 30).double(), nn.BatchNorm1d(30).double()
for parameter in (*linear.parameters(), *norm.parameters()):
    nn.init.normal_(parameter, generator=generator)
h = 1 + 2 * torch.randn(30, 64, 20, generator=generator, dtype=torch.float64)  # 30 batches
for batch in h:  # let the running statistics settle
    norm(linear(batch))
h = h.flatten(0, 1)
both = nn.Sequential(linear, norm).eval()
folded = nn.utils.fusion.fuse_linear_bn_eval(linear.eval(), norm)
claim("folded by PyTorch: largest difference", (folded(h) - both(h)).abs().max(), high=1e-10)
settings = [linear.weight.T, linear.bias, norm.weight, norm.bias, norm.running_mean]
try:
    w, b = fold_batch_norm(*(t.detach().numpy() for t in [*settings, norm.running_var]), norm.eps)
    difference = h.numpy() @ w + b - both(h).detach().numpy()
    claim("folded by you: largest difference", np.abs(difference).max(), high=1e-10)
except NotImplementedError:
    print("not attempted yet: fold_batch_norm; going on with PyTorch's version, above")

# %% [markdown]
# ## Summary
#
# - Batch normalization gives every unit mean β and standard deviation γ over the batch. In training
#   the biased variance, in the buffers the unbiased one; at test time the buffers.
# - Its gradient loses two directions: shifts and stretches. So a bias before it is useless, and the
#   length of the weights does not count. The effective learning rate is $\eta/\|w\|^2$, and with
#   weight decay the weights turn by $\sqrt{2\eta\lambda}$ per step.
# - It rescues bad weights within a wide window, and allows larger rates. Its gradients grow with
#   depth: $\sqrt{\pi/(\pi-1)}$ per layer for ReLU.
# - It needs batches. Layer, instance and group normalization do not: another choice of axes.
# - After training it can be folded away.
#
# ## Where textbooks disagree
#
# - *"Batch normalization cannot be used at test time."* With batch statistics it is unsafe: the
#   answer depends on the neighbors, 17 % on batches sorted by class. Running statistics can, image
#   by image (section 3).
# - *"The output is distributed as N(β, γ)."* The variance is γ², and it is not normal (section 2).
# - *"It solves vanishing and exploding gradients."* At the start they *grow* with depth under it,
#   for every activation that is not a straight line: by 1.21 per layer for ReLU, by only 1.017 for
#   sigmoid (section 7).
# - *"The initialization no longer matters."* It matters as a learning rate. Weights far too small
#   correct themselves, weights far too large train slowly (sections 5 and 6).
# - *"After the activation is better."* For ReLU alone: yes, about even, and no
#   (section 9).
# - *"It works by removing internal covariate shift."* Put the shift back: sigmoid trains as well,
#   tanh keeps its accuracy but not its training loss, ReLU loses two or three points (section 10).
# - *"Weight decay regularizes layers with batch normalization as it does others."* Their function
#   does not depend on the length of the weights. It sets their learning rate (section 5).
# - *"Layer normalization does the same without a batch."* In wide networks its gradients grow less
#   for ReLU and as much for tanh (a single narrow network strays), but very small weights do not
#   recover (section 6); with sigmoid its gradients vanish (section 7).
#
# ## References
#
# - S. Ioffe, C. Szegedy (2015). Batch normalization: accelerating deep network training by reducing
#   internal covariate shift. *ICML*.
# - J. L. Ba, J. R. Kiros, G. E. Hinton (2016). Layer normalization. arXiv:1607.06450.
# - T. Salimans, D. P. Kingma (2016). Weight normalization: a simple reparameterization to
#   accelerate training of deep neural networks. *NeurIPS*.
# - D. Ulyanov, A. Vedaldi, V. Lempitsky (2016). Instance normalization: the missing ingredient for
#   fast stylization. arXiv:1607.08022.
# - T. van Laarhoven (2017). L2 regularization versus batch and weight normalization.
#   arXiv:1706.05350.
# - Y. Wu, K. He (2018). Group normalization. *ECCV*.
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Mądry (2018). How does batch normalization help
#   optimization? *NeurIPS*.
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz (2019). A mean field theory
#   of batch normalization. *ICLR*.
# - R. Wan, Z. Zhu, X. Zhang, J. Sun (2021). Spherical motion dynamics: learning dynamics of
#   normalized neural network using SGD and weight decay. *NeurIPS*.

# %%
progress("05")
