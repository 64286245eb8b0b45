# %% [markdown]
# # 00 Warm-up: scaling and activations
#
# How fast a network learns is decided in part before its first step: by the scale of its inputs,
# and by the bend in its units. This lesson is about both. It begins with how the course works.
#
# *85 minutes. Builds on a little Python and NumPy, and what a derivative is. Section 3 also uses
# eigenvalues and covariance, and sections 5 to 7 networks of layers. If these are new to you, leave
# exercise 00.3 for a second reading; the other exercises do without.*
#
# After this lesson you will be able to
# - work with a lesson: predict, explore, answer, check, and help yourself when stuck;
# - keep apart three words: regularization, normalization, standardization;
# - say how much faster gradient descent gets when features are scaled, and why;
# - take means and standard deviations from the right data;
# - choose an activation function by its derivative, and see what happens to gradients in deep
#   networks.
#
# Words and symbols that are new to you: see the [glossary](#Glossary) at the end, for the whole
# course, in English and Korean.

# %% [markdown]
# ## 1 How a lesson works · 10 minutes
#
# This page is a *notebook*: text, and cells with Python. Click into the cell below and press
# **Shift + Enter**. It runs, and the next cell is marked. `[*]` on its left means *at work*, a
# number means *done*.
#
# Run the cells from top to bottom. (To run all at once: menu **Run → Run All Cells**. Nothing
# breaks; what you have not answered yet says so.)

# %%
import numpy as np

from helpers import SEED, check, claim, plots, predict, progress, scaling, zigzag
from helpers.plots.scaling import explore_valley, plot_speed, plot_statistics, plot_walks

print("Ready. NumPy", np.__version__)

# %% [markdown]
# ### Predict
#
# A lesson asks before it shows. Choose, press *Commit*, and then read why. Being wrong is welcome:
# it is what you will remember. (The line with three dots is folded code. It holds the answer: leave
# it folded.)
#
# The question is about **gradient descent**: a model has weights; its *loss* says how wrong it is;
# each step moves the weights a bit downhill. The *learning rate* sets the length of the steps.

# %%
predict(
    "A model has two weights, one for each feature of a house. With features of the same size, "
    "descent needs 7 steps for 99 % of the way. Now one feature has values ten times as large as "
    "the other. How many steps? (Both times the learning rate is a quarter of the largest that "
    "works.)",
    ["about 7: only the best weights change", "about 70", "about 800"],
    answer=2,
    because="Slopes grow with the square of the scale: the valley is 100 times steeper along one "
    "weight than along the other. Steps short enough for the steep side are 100 times too short "
    "for the flat one. See the figure below.",
)

# %% [markdown]
# ### Explore: a valley
#
# Figures with sliders are there to be played with. Drag a slider, or click it and use the arrow
# keys.
#
# Left: the loss seen from above, as a map. On a blue ring the loss is the same; the star is the
# lowest point; every dot is a step (the first 80 are drawn). Right: how much of the way is left.
# *Standardized* brings each feature to mean 0 and standard deviation 1, *whitened* also takes away
# their correlation. The *condition number* says how long and narrow the valley is. More about all
# three in sections 2 and 3.
#
# 1. Move *ratio of scales* to 1. What becomes of the rings?
# 2. Back to 10: which *learning rate* is the fastest? What happens above 2?
# 3. Click *standardized*. Then move *correlation*: what helps now?

# %%
explore_valley()

# %% [markdown]
# A learning rate of 1 on this slider is one over the steepest curvature; the prediction's was 0.5.
# The fastest is just below 2: there the steps zig-zag across the valley, and still need hundreds.
# At 2 they do not arrive; beyond 2 they climb out. That is the dilemma: the steep direction limits
# the rate, the flat one suffers from it.
#
# Lines with a ✓ are **claims**. The number in such a line is measured where you read it, and must
# lie within the stated bounds; if it did not, the cell would stop with an error.

# %%
from helpers.plots.scaling import find_valley

steps = find_valley("raw", 1, 0.0, 0.5).arrival  # ratio of scales, correlation, learning rate
claim("steps when both features have the same scale", steps, low=7, high=7)
steps = find_valley("raw", 10, 0.0, 0.5).arrival
claim("steps when one feature is ten times as large", steps, low=800, high=1000)
steps = min(find_valley("raw", 10, 0.0, rate).arrival for rate in (1.5, 1.8, 1.9, 1.95))
claim("the same at the best of four faster rates", steps, low=200, high=230)
steps = find_valley("standardized", 10, 0.0, 0.5).arrival
claim("the same features, standardized", steps, low=7, high=7)

# %% [markdown]
# ### Answer
#
# The cure is to bring all features to one scale. The simplest way is **min–max**: the smallest
# training value of a feature becomes 0, the largest becomes 1,
#
# $$x' = \frac{x - \min}{\max - \min} .$$
#
# Data are arrays here, with a row for each example and a column for each feature.

# %%
train = np.array([[50.0, 2.0], [100.0, 3.0], [150.0, 6.0]])  # (3 homes, 2 features): m², rooms
print("smallest of each column:", train.min(axis=0))
print("smallest of all:        ", train.min())

# %% [markdown]
# ### Exercise 00.1 · `min_max` · 1 point
# Scale both sets, with **the minimum and maximum of each column of `train`**: the test set is
# scaled by the same numbers. Its values may then lie outside of 0 to 1; leave them there. In these
# data every column of `train` has at least two different values, though all of them may be tiny (a
# capacity in farads): nothing need be added to a range.
#
# Put your own lines in place of the last two (`# YOUR CODE HERE` and `raise …`), and run the cell.
# Then run the one after it: it checks your answer.
#
# <details><summary>Hint 1</summary>
#
# You need two arrays with a number for each column: the smallest and the largest value in `train`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `low = train.min(axis=0)`, and `high` in the same way. NumPy subtracts such an array from every
# row.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `return (train - low) / (high - low), …` and the same with `test` after the comma.
#
# </details>


# %% exercise="00.1"
def min_max(train, test):
    """Both sets with each feature scaled by the training set's range: a tuple (train, test).

    train: (n, d) floats, test: (m, d) floats. Neither is changed: return new arrays.
    """
    ### BEGIN SOLUTION
    low, high = train.min(axis=0), train.max(axis=0)  # (d,) each
    return (train - low) / (high - low), (test - low) / (high - low)
    ### END SOLUTION


# %% check="00.1"
check("00.1", min_max)

# %% [markdown]
# *To do* means that the cell still says `raise NotImplementedError()`, or that you have not run it
# after your last change. *Not yet* comes with a reason. Answers can be changed and checked as often
# as you like.
#
# The check calls your function on small arrays and looks at the results. It knows the usual
# mistakes. Where a function returns several things, *item 0* is the first, *item 1* the second.
# Here is what the check says to three answers that are wrong (all but a last line, *To repeat it*;
# more about that below):

# %%
from helpers.check import judge

answers = {
    "`return` forgotten": lambda train, test: None,
    "a name misspelled": lambda train, test: train.minimum(axis=0),
    "only one of the two arrays": lambda train, test: train,
}
for name, answer in answers.items():
    print(f"{name}:\n{judge('00.1', answer).message}\n")

# %% [markdown]
# ### See what is done, and what is left

# %%
progress("00")

# %% [markdown]
# `progress()` without a number shows all lessons. Your answers stay in the notebook: save it with
# **Ctrl + S** (Mac: ⌘ S). What you have passed and predicted is kept in the file
# `notebooks/.progress.json` on your machine.

# %% [markdown]
# ### When you are stuck
#
# - **Open a hint.** Three for each exercise; the third is nearly the answer. Reading it costs no
#   points.
# - **Read the message of the check** to its end. It shows the call, what came and what was
#   expected; of random answers, which of their properties are off. "Your function raised …" names
#   the line. Arrays too long to show have only their shape there; then "To repeat it" gives a line
#   for a cell of your own (the **+** above the page adds one). It makes the same call. To see what
#   goes in: `from helpers.check import arguments`, then `arguments("00.1", 0)`.
# - **`NameError: name 'np' is not defined`**, or another name of the lesson: a cell further up was
#   not run. **Run → Run All Above Selected Cell**.
# - **A text shows its `#` and `**`**: you double-clicked it. Shift + Enter sets it again.
# - **`[*]` does not go away**: first wait, some cells take several seconds. Then ■ (*interrupt*)
#   in the bar above. If that does not help, or nothing makes sense any more: **Kernel → Restart
#   Kernel…**, then run the cells again from the top. Your texts stay; only Python's memory is
#   emptied.
# - **Undo**: Ctrl + Z in a cell. A deleted cell comes back with **Edit → Undo Cell Operation**.
# - **Start a notebook afresh**: in the list of files on the left, right-click it, *Duplicate* (that
#   keeps your work). Then, in a terminal in the course's folder,
#   `git restore notebooks/00_warm_up.ipynb`; or download the file once more. Close and open it.
#   Progress is kept.
# - **Look again at what a function does**: put `?` behind its name, as in `check?`, and run.
#
# That is all. The same five things (predict, explore, read, answer, check) make every lesson.

# %% [markdown]
# ## 2 Three words that are confused · 10 minutes
#
# | word | what it does | example |
# |---|---|---|
# | **standardization** | mean 0, std 1 for each feature (z-score) | exercise 00.2 |
# | **normalization** | to the range 0 to 1 (min–max) | exercise 00.1 |
# | **regularization** | limits the *model*, against learning by heart | lessons 02 to 09 |
#
# The first two change numbers that go in; the third changes what is learned. (*Normalization* is
# also used for scaling to length 1, and for the layers of lesson 05.) In Korean
# *normalization* and *regularization* are often both called 정규화; 규제 is safer for the second.

# %% [markdown]
# Standardization:
#
# $$x' = \frac{x-\mu}{\sigma}, \qquad \mu = \frac1n\sum_i x_i, \qquad
#   \sigma^2 = \frac1n \sum_i (x_i-\mu)^2 .$$
#
# Subtracting the mean alone is called *centering*. What to do with a feature that never varies in
# training, such as the corner pixel of a scan? Its σ is 0. The usual way is to divide it by 1
# instead.
#
# ### Exercise 00.2 · `standardize` · 2 points
# Standardize every column of both sets **with mean and standard deviation of `train`** (NumPy's
# `std()` as it is: the mean square, divided by $n$). Where the standard deviation is exactly 0,
# divide by 1; by one that is only small, as of tiny values, divide as usual.
#
# <details><summary>Hint 1</summary>
#
# As in 00.1: two arrays with a number for each column, from `train` only.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.where(std == 0, 1, std)` is 1 where the standard deviation is 0, and `std` elsewhere.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `std = train.std(axis=0)`, then the line of hint 2, then `(train - mean) / std` and the same for
# `test`. Mind the brackets.
#
# </details>


# %% exercise="00.2"
def standardize(train, test):
    """Both sets with mean 0 and std 1 by the training set's statistics: a tuple (train, test).

    train: (n, d) floats, test: (m, d) floats. A feature with std 0 in train is divided by 1.
    """
    ### BEGIN SOLUTION
    mean, std = train.mean(axis=0), train.std(axis=0)  # (d,) each
    std = np.where(std == 0, 1, std)
    return (train - mean) / std, (test - mean) / std
    ### END SOLUTION


# %% check="00.2"
check("00.2", standardize)

# %% [markdown]
# At work you would write `StandardScaler().fit(train)` of scikit-learn, and then
# `.transform(train)` and `.transform(test)`. The split into *fit* and *transform* is there for this
# one reason: fit on training data only. Does yours agree?

# %%
from sklearn.preprocessing import StandardScaler

homes, prices = scaling.draw_homes(200, np.random.default_rng([SEED, 0]))  # (200, 2), (200, 1)
scaler = StandardScaler().fit(homes[:150])
try:
    ours = standardize(homes[:150], homes[150:])[1]
    print("largest difference:", abs(ours - scaler.transform(homes[150:])).max())
except NotImplementedError:
    print("not attempted yet: standardize; going on with scikit-learn's")
claim("std of three times 0.1, which should be 0", np.full(3, 0.1).std(), low=1e-18, high=1e-15)

# %% [markdown]
# One trap is left: in floating point the standard deviation of equal values need not be *exactly*
# 0. Whoever divides by it makes huge numbers of a feature that says nothing. So `StandardScaler`
# takes for constant what varies no more than rounding does, compared with its mean. Do so at work,
# too.
#
# ## 3 Why it matters: the condition number · 20 minutes
#
# For a linear model and half the mean squared error, the loss is a bowl. How steep it is in each
# direction is given by the eigenvalues $\lambda_1 \ge \dots \ge \lambda_d$ of the matrix
# $X^\top X/n$, where $X$ has one more column of ones for the intercept. Along each eigenvector one
# step multiplies what is left by $1-\eta\lambda_i$. So
#
# - the learning rate η must stay below $2/\lambda_1$;
# - the flattest direction sets the pace, by the **condition number**
#   $\kappa = \lambda_1/\lambda_d$: at $\eta = 1/\lambda_1$, κ steps leave at most 1/e (37 %) of
#   it, and 4.6 κ steps at most 1 %.
#
# In 200 homes, area is about 80 ± 25 m², rooms about 3 ± 1, correlated. Rate: $\eta = 1/\lambda_1$.

# %%
arrival, condition = {}, {}
for name, (x, _) in scaling.prepare(homes, homes).items():
    run = scaling.descend(x, prices)
    condition[name] = run.condition
    arrival[name] = run.steps_to(0.001)  # of the loss above the lowest one
    print(f"{name:13} condition number {run.condition:9,.1f} {arrival[name]:8,} steps to 0.1 %")
claim("steps on raw features", arrival["raw"], low=7000, high=27_000)
claim("raw / centered", arrival["raw"] / arrival["mean 0"], low=3, high=13)
claim("raw / standardized", arrival["raw"] / arrival["standardized"], low=1200, high=5500)
claim("steps on whitened features", arrival["whitened"], low=1, high=1)
share = [arrival[name] / condition[name] for name in arrival]
claim("steps over condition number, each preparation", share, low=0.05, high=3.5)

# %% [markdown]
# More than a thousand times faster, for two lines of code. (The loss is squared in what is left of
# the way, so 0.1 % of it takes 3.5 κ steps at worst. The steps are fewer where little of the loss
# lies in the flattest direction.) Centering and scaling each do their part: without centering, the
# mean itself is one long, steep direction, shared by all features and the intercept.
#
# **Whitening** goes one step further. It also removes correlations: turn the features to the
# eigenvectors of their covariance matrix (PCA, principal component analysis), then divide each by
# its standard deviation. The covariance becomes the identity, $\kappa$ becomes 1.

# %% [markdown]
# ### Exercise 00.3 · `whiten` · 1 point
# Return a whitened copy of `x`: mean 0, and $\frac1n Z^\top Z$ the identity matrix. `x` has two
# columns or more, more rows than columns, and no column is a combination of the others. Any such
# copy of the same shape is right, however it is turned or mirrored.
#
# <details><summary>Hint 1</summary>
#
# Center first. The covariance is `centered.T @ centered / n`, a matrix (d, d).
#
# </details>
# <details><summary>Hint 2</summary>
#
# `values, vectors = np.linalg.eigh(covariance)`: the columns of `vectors` are the directions,
# `values` the variances along them. `centered @ vectors` turns the data.
#
# </details>
# <details><summary>Hint 3</summary>
#
# To make a variance 1, divide by its square root: `centered @ vectors / np.sqrt(values)`.
#
# </details>


# %% exercise="00.3"
def whiten(x):
    """A copy of x with mean 0 and the identity as covariance (divided by n): (n, d).

    x: (n, d) floats with n > d >= 2, of full rank; their variances may be tiny.
    """
    ### BEGIN SOLUTION
    centered = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centered.T @ centered / len(x))  # (d,), (d, d)
    return centered @ vectors / np.sqrt(values)
    ### END SOLUTION


# %% check="00.3"
check("00.3", whiten)

# %% [markdown]
# ### And images?
#
# Pixels all have the same unit already. The digits of this course are 8 × 8 = 64 pixels between 0
# and 1, here with some noise on top (std 0.2). 300 of them train a linear model. In the figure,
# 100 % is the loss above the lowest one at the start, where all weights are 0. There are twenty
# *seeds*: twenty draws of images and noise, so that you see what is chance.

# %%
predict(
    "Each preparation gets its own safe rate, 1/λ₁. Which one makes descent on these noisy digits "
    "**slower** than no preparation at all?",
    ["none of them", "subtracting the mean", "min–max", "standardizing"],
    answer=2,
    because="Min–max gives every pixel the same range, 0 to 1. In an empty pixel it is the noise "
    "that is stretched; ink shrinks. All pixels now lie around 0.5 and vary little: a large mean, "
    "a small spread. The mean makes one direction steep, and all the others have to wait.",
)

# %%
seeds = range(100 * SEED, 100 * SEED + 20)
times = np.unique(np.geomspace(1, 30_000, 22).astype(int)).tolist()
speed = scaling.compare_on_digits(seeds, times)
plots.show(plot_speed(times, speed), alt="Loss and test accuracy over steps. Centered and "
           "standardized digits need some tens of steps to 1 %, raw ones hundreds, min–max more "
           "than a thousand, whitened ones a single one. All end at the same accuracy; all but the "
           "whitened pass a better one on the way.")  # fmt: skip

# %%
mean = {name: found.arrival.mean() for name, found in speed.items()}
claim("digits: steps to 1 % on raw pixels", mean["raw"], low=250, high=600)
claim("raw / centered", mean["raw"] / mean["mean 0"], low=8, high=18)
claim("raw / standardized", mean["raw"] / mean["standardized"], low=12, high=30)
claim("min–max / raw", mean["min–max"] / mean["raw"], low=2.5, high=6)
condition = {name: np.exp(np.log(found.condition).mean()) for name, found in speed.items()}
claim("condition number: raw / centered", condition["raw"] / condition["mean 0"], low=10, high=35)
ends = np.array([found.accuracy[-1] for found in speed.values()])  # (5 preparations, 20 seeds)
claim("test accuracy at the end: range over the preparations", np.ptp(ends, axis=0), high=0.008)

# %% [markdown]
# Min–max is not bad in itself. The same digits without noise (a *point*, here and in all lessons,
# is a percentage point of accuracy):

# %%
clean = scaling.compare_on_digits(seeds, times, pixel_noise=0.0)
typical = {name: np.exp(np.log(found.arrival).mean()) for name, found in clean.items()}
ratio = typical["min–max"] / typical["raw"]
claim("clean digits: steps to 1 % of the loss, min–max over raw", ratio, high=0.6)
ratio = typical["mean 0"] / typical["standardized"]
claim("clean digits: steps to 1 % of the loss, centered over standardized", ratio, low=4, high=40)
for title, runs in {"noisy": speed, "clean": clean}.items():
    means = {name: found.accuracy.mean(1) for name, found in runs.items()}
    soon = {name: times[int(np.argmax(m >= m.max() - 0.02))] for name, m in means.items()}
    best = {name: found.accuracy.max(0).mean() for name, found in runs.items()}
    lost = [best[name] - best["whitened"] for name in best if name != "whitened"]
    low = 0.02 if title == "noisy" else 0.006
    claim(f"{title} digits: best accuracy, others less whitened", lost, low=low, high=0.08)
    told = ", ".join(f"{name} {step}" for name, step in soon.items())
    print(f"{title} digits, steps to 2 points below the best accuracy: {told}")
    near = f"{title} digits: steps to 2 points below the best accuracy"
    claim(f"{near}, raw over centered", soon["raw"] / soon["mean 0"], low=5, high=25)
    scaled = soon["mean 0"] / soon["standardized"]
    claim(f"{near}, centered over standardized", scaled, low=0.5, high=4)

# %% [markdown]
# So there is no order that always holds. On clean digits min–max reaches the last percent of the
# loss sooner than raw pixels do, and standardizing beats centering by far: border pixels that
# hardly ever hold ink are flat directions, and the last percent of the loss waits for them.
#
# **Accuracy does not wait.** It is near its best after a few steps once the mean is gone; scaling
# adds little. That is why centering is usually enough for images.

# %% [markdown]
# Look at the figure's right side again. At the end all five are the same model, written in other
# coordinates. They differ on the *way*. By the time the flat directions are learned, accuracy has
# fallen: with noisy pixels those directions are mostly noise. Whitening makes them as fast as the
# rest, so that there is no good moment to stop (lesson 07). Fast is not better by itself.
#
# ## 4 Whose statistics? · 10 minutes
#
# Mean and standard deviation are learned from data, just like weights. So they come from the
# training set. Using the test set for anything but the final score is called **leakage**. How much
# does it change?

# %%
predict(
    "You standardize digits with mean and std of training **and** test set together. How much "
    "higher does the test accuracy come out?",
    ["by about 5 points", "by about 1 to 2 points", "no difference that could be measured"],
    answer=2,
    because="64 means and 64 spreads, without a look at a label, tell a model hardly anything. The "
    "rule is right all the same: what comes next is the same kind of mistake.",
)

# %%
ten = range(100 * SEED, 100 * SEED + 10)
scores = [scaling.accuracy_by_statistics(seed) for seed in ten]
scores = {name: np.array([score[name] for score in scores]) for name in scores[0]}
plots.show(plot_statistics(scores), alt="Test accuracy about 0.90 with the statistics of the "
           "training set, of all data, of the whole test set and of mixed batches of 32; 0.6 for "
           "batches of 2; about 0.2 when each batch holds one class and is standardized by "
           "itself.")  # fmt: skip
gain = scores["all data"] - scores["training set"]
claim("all data less training set: mean accuracy", gain.mean(), low=-0.004, high=0.006)
claim("the whole test set's own: mean", (scores["test set"] - scores["training set"]).mean(),
      low=-0.015, high=0.015)  # fmt: skip
mixed = scores["mixed batches of 32"] - scores["training set"]
claim("mixed batches of 32, each with its own: mean", mixed.mean(), low=-0.025, high=0)
claim("mixed batches of 2", scores["mixed batches of 2"].mean(), low=0.55, high=0.65)
alone = scores["test batches of one class"]
claim("batches of one class, each with its own statistics", alone.mean(), low=0.1, high=0.3)

# %% [markdown]
# Standardizing test batches by *themselves* hurts when they are tiny or hold one class; mixed ones
# of 32 cost about a point. A batch of sevens has its own mean: subtract it, and what made them
# sevens is gone. The same image gets another answer in other company. (Batch normalization has this
# very problem; lesson 05 shows the way out.)
#
# Leakage also hurts as soon as labels take part. Take pure noise, 2000 features, random labels, and
# keep the 20 features that fit the labels best. The data are cut into five parts (*folds*); each is
# tested once, by a model made from the other four. This is *cross-validation*:

# %%
chosen = {
    name: np.array([scaling.accuracy_on_noise(seed, leaky=leaky) for seed in ten])
    for name, leaky in {"on all data": True, "inside each fold": False}.items()
}
claim("chosen on all data: accuracy on noise", chosen["on all data"].mean(), low=0.8, high=1.0)
claim("chosen inside each fold", chosen["inside each fold"].mean(), low=0.38, high=0.62)

# %% [markdown]
# Nine in ten right, where there is nothing to know. The rule that protects you costs nothing:
# **everything that is fitted is fitted on the training set, and stored with the model.**
#
# ### Written question 00.w · 2 points
# Two colleagues standardize digits. A takes mean and std of all data, before the split. B
# standardizes every incoming test batch by its own mean and std. For each: what is wrong in
# principle, and what did it do here (give figures)? What do you tell A, who says "it made no
# difference"?
#
# Double-click the cell below to write in it; Shift + Enter when you are done. There is no check for
# this one: a person reads it.

# %% [markdown] written="00.w"
# ### BEGIN SOLUTION
# A uses the test set: its mean and std enter the training. The test set no longer stands for unseen
# data. Here it changed the accuracy by less than half a point (mean over ten splits), since 128
# numbers without labels say hardly anything. B gives the same image different inputs, depending on
# which other images are in its batch, and a single image has std 0. With whole, mixed test sets
# this is harmless here (within about a point), with mixed batches of 32 it costs about a point, but
# with batches of 2 the accuracy fell from about 0.90 to about 0.6, with batches of one digit to
# about 0.2.
#
# Rule: fit on the training set, store mean and std with the model, apply them to everything. To A:
# that it made no difference is known only because we tried both; with labels involved the same
# habit turned 50 % into about 90 % (choosing features on all data). Small data, outliers
# or another preparation can make it matter, it cannot be noticed from the result, and the right way
# costs nothing.
# ### END SOLUTION

# %% [markdown]
# ## 5 Activation functions · 20 minutes
#
# A unit computes $z = w^\top x + b$, the *pre-activation*, and passes on $h = \varphi(z)$. Without
# a bend in φ, many layers are one linear layer. With $s(z) = 1/(1+e^{-z})$:
#
# | name | φ(z) | saturates | mean output | to learn |
# |---|---|---|---|---|
# | sigmoid | $s(z)$ | on both sides | 0.50 | – |
# | tanh | $\tanh z$ | on both sides | 0 | – |
# | ReLU | $z$ for $z>0$, else 0 | left: slope 0 | 0.40 | – |
# | leaky ReLU | $z$ for $z>0$, else $\alpha z$ | no | 0.36 (α = 0.1) | – |
# | PReLU | the same | no | | α |
# | ELU | $z$ for $z>0$, else $\alpha(e^z-1)$ | left, at −α | 0.16 (α = 1) | – |
# | SiLU (swish) | $z\,s(z)$ | left | 0.21 | – |
# | GELU | $z\,\Phi(z)$, Φ(z) the share of $N(0,1)$ below z | left | 0.28 | – |
# | maxout | largest of $k$ linear pieces | no | | $k$ times the weights |

# %% [markdown]
# *Saturated* means: φ is flat there, so φ′ is nearly 0, and no gradient comes through. The *mean
# output* is for inputs $z\sim N(0,1)$: what is not 0 is passed on to the next layer as a mean that
# nobody centers (section 3). SiLU and GELU are today's names in large models; they look like a
# smooth ReLU with a dip below 0.
#
# ### Exercise 00.4 · `activation` · 1 point
# `name` is one of `"sigmoid"`, `"tanh"`, `"relu"`, `"leaky_relu"`, `"elu"`, `"silu"`. Return φ of
# every entry of `x`, an array of the same shape. `alpha` is the α of the table (between 0 and 1 for
# the leaky ReLU, any positive number for ELU); the others ignore it. Entries may be as large as
# ±1000 and must not give NaN; an overflow *warning* of NumPy is no harm.
#
# <details><summary>Hint 1</summary>
#
# A chain of `if name == "sigmoid": return …`. Each name that is right earns its share, in any
# order.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.where(x > 0, a, b)` takes `a` where x > 0, `b` elsewhere. The sigmoid is
# `1 / (1 + np.exp(-x))`: at −1000 that is 1/inf = 0, as it should be.
#
# </details>
# <details><summary>Hint 3</summary>
#
# relu: `np.maximum(x, 0)`; tanh: `np.tanh(x)`; elu:
# `np.where(x > 0, x, alpha * (np.exp(x) - 1))`; silu: `x` times the sigmoid.
#
# </details>


# %% exercise="00.4"
def activation(name, x, alpha):
    """φ(x) for every entry: an array like x.

    name: "sigmoid", "tanh", "relu", "leaky_relu", "elu" or "silu"; x: floats, any shape; alpha > 0.
    """
    ### BEGIN SOLUTION
    if name == "sigmoid":
        return 0.5 * (1 + np.tanh(0.5 * x))  # 1 / (1 + exp(−x)) without exp: no overflow
    if name == "tanh":
        return np.tanh(x)
    if name == "relu":
        return np.maximum(x, 0)
    if name == "leaky_relu":
        return np.where(x > 0, x, alpha * x)
    if name == "elu":
        return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return x * activation("sigmoid", x, alpha)
    ### END SOLUTION


# %% check="00.4"
check("00.4", activation)

# %% [markdown]
# Backward, the gradient of the loss is multiplied by φ′(z) at every layer, and by the weights. Ten
# layers multiply ten derivatives.

# %%
predict(
    "The derivative of the sigmoid is largest at z = 0. Ten sigmoid layers, all at their best. "
    "What is the product of the ten derivatives?",
    ["about 1/10", "about 1/1000", "about 1/1 000 000"],
    answer=2,
    because="s(1 − s) is at most 1/4, at s = 1/2. And 4 to the tenth is about a million. Anywhere "
    "else than at 0 it is less.",
)

# %% [markdown]
# ### Exercise 00.5 · `activation_grad` · 1 point
# The derivatives φ′ of the same six functions, for every entry of `x`. At exactly $x = 0$, where
# ReLU, leaky ReLU and perhaps ELU have a kink, take the value of the left side, as PyTorch does:
# 0, α and α. Again without NaN for ±1000.
#
# <details><summary>Hint 1</summary>
#
# Two of them are neat in terms of the function itself: with $s$ the sigmoid, $s' = s\,(1-s)$; with
# $t = \tanh x$, $t' = 1-t^2$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For ELU differentiate $\alpha(e^x-1)$; for SiLU use the product rule on $x\cdot s(x)$. You may
# call `activation`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# relu: `np.where(x > 0, 1.0, 0.0)`, leaky ReLU alike; elu: `np.where(x > 0, 1.0, alpha *
# np.exp(x))`; silu: $s + x\,s\,(1-s)$.
#
# </details>


# %% exercise="00.5"
def activation_grad(name, x, alpha):
    """φ′(x) for every entry: an array like x. At 0, the slope of the left side.

    name: "sigmoid", "tanh", "relu", "leaky_relu", "elu" or "silu"; x: floats, any shape; alpha > 0.
    """
    ### BEGIN SOLUTION
    s = 0.5 * (1 + np.tanh(0.5 * x))  # the sigmoid
    if name == "sigmoid":
        return s * (1 - s)
    if name == "tanh":
        return 1 - np.tanh(x) ** 2
    if name == "relu":
        return np.where(x > 0, 1.0, 0.0)
    if name == "leaky_relu":
        return np.where(x > 0, 1.0, alpha)
    if name == "elu":
        return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))
    return s + x * s * (1 - s)
    ### END SOLUTION


# %% check="00.5"
check("00.5", activation_grad)

# %% [markdown]
# PyTorch finds derivatives by itself (*autograd*). The figure below uses that; yours should agree
# with it.

# %%
from helpers import dead_units
from helpers.plots.activations import explore_gallery, plot_dead, plot_gradients, slope

x = np.linspace(-4, 4, 801)
try:
    names = {"sigmoid": "sigmoid", "ELU": "elu", "SiLU": "silu"}
    gaps = {a: abs(slope(a, x, 0.5)[1] - activation_grad(b, x, 0.5)) for a, b in names.items()}
    print("largest difference:", max(gap.max() for gap in gaps.values()))
except NotImplementedError:
    print("not attempted yet: activation_grad; going on with autograd's")
claim("sigmoid: the largest derivative", slope("sigmoid", x, 0)[1].max(), low=0.25, high=0.25)
claim("ten of them", slope("sigmoid", x, 0)[1].max() ** 10, low=0.9e-6, high=1e-6)
claim("tanh: the largest derivative", slope("tanh", x, 0)[1].max(), low=1, high=1)

# %%
table = {"sigmoid": 0.5, "tanh": 0, "ReLU": 0.4, "leaky ReLU / PReLU": 0.36, "ELU": 0.16,
         "SiLU": 0.21, "GELU": 0.28}  # fmt: skip
z = np.random.default_rng([SEED, 5]).standard_normal(200_000)
for name, value in table.items():
    found = slope(name, z, 1.0 if name == "ELU" else 0.1)[0].mean()
    claim(f"{name}: mean output for N(0, 1)", found, low=value - 0.012, high=value + 0.012)

# %% [markdown]
# ### Explore: the gallery
#
# Left and middle: φ and φ′; the gray hump shows where the inputs of a unit lie. Right: the product
# of derivatives through many layers, for forty single ways through a network (thin), and their
# root mean square (green). Weights add factors of their own: lesson 01.
#
# 1. Which functions keep a product near 1? What does α do to the leaky ReLU?
# 2. *tanh*: make the inputs small, then large. Why does it vanish for large ones?
# 3. *ReLU*: nearly all thin lines are gone after some layers, and yet the mean falls slowly. How?

# %%
explore_gallery(seed=SEED)

# %% [markdown]
# $|z|$ has slope 1 or −1 on either side, so its product stays at ±1; a leaky ReLU comes near as α
# nears 1, and tanh while its inputs are small: its slope is 1 at 0. Large inputs lie on its flat
# parts.
#
# A way through a ReLU network is open or shut: its product is 1 or 0. Half of the ways close at
# every layer, but there are very many of them, and the mean only halves (its root: × 0.71). Weights
# can make up for that, with a factor of √2: that is *He* initialization, lesson 01.
#
# Does this hold in networks? Take 20 layers of 64 units on digits, weights drawn at random:
# *Xavier* has variance 1/64, *He* 2/64. *Predicted* is a factor for each layer,
# √(n·Var(w)·mean φ′²), with n = 64 units and the mean over units and images.

# %%
five = range(100 * SEED, 100 * SEED + 5)
found = {kind: dead_units.backward_through(kind, five) for kind in dead_units.DEEP}
ratio = {k: np.exp(np.log(b.norms[0] / b.norms[-1]).mean()) for k, b in found.items()}
told = "; ".join(f"{kind}: {value:.2g}" for kind, value in ratio.items())
plots.show(plot_gradients(found), alt="Gradients over 20 layers. Sigmoid and ReLU with Xavier fall "
           "in straight lines on the logarithmic axis. At the first layer, relative to the last: "
           f"{told}. Predictions lie near the lines.")  # fmt: skip
claim("gradient, first layer over last: sigmoid", ratio["sigmoid, Xavier"], low=5e-13, high=2e-12)
claim("tanh, Xavier", ratio["tanh, Xavier"], low=0.18, high=0.42)
claim("ReLU, Xavier", ratio["ReLU, Xavier"], low=5e-4, high=3e-3)
claim("ReLU, He", ratio["ReLU, He"], low=0.4, high=2)
claim("maxout, Xavier", ratio["maxout, Xavier"], low=0.6, high=1.8)
off = [ratio[kind] / b.expected[0] for kind, b in found.items()]
claim("measured over predicted (product of √(n·Var(w)·mean φ′²))", off, low=0.5, high=2)

# %% [markdown]
# The prediction uses nothing but derivatives and the variance of the weights, and it holds over
# twelve orders of magnitude. With sigmoids the first layer gets a millionth of a millionth of the
# gradient: in plain gradient descent it hardly moves. That is the **vanishing gradient**.
#
# ## 6 Maxout, and units that die · 10 minutes
#
# A **maxout** unit has $k$ linear pieces and passes on the largest,
# $\max_j\,(x^\top w_j + b_j)$. ReLU is the special case of two pieces, one of them 0; $|z|$ is
# another. It is flat only where the largest piece has no weights, as in ReLU; learned pieces
# hardly ever have none. It costs $k$ times the weights.
#
# ### Exercise 00.6 · `maxout` · 1 point
# `x` is (n, d), `weights` (k, d, units), `biases` (k, units). Return (n, units): for each example
# and unit the largest of its k pieces.
#
# <details><summary>Hint 1</summary>
#
# First all pieces, an array (k, n, units); then a maximum over one axis.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `x @ weights` multiplies x with each of the k matrices: (k, n, units). The biases (k, units) must
# become (k, 1, units) to be added: `biases[:, None, :]`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `(x @ weights + biases[:, None, :]).max(axis=…)`: which axis counts the pieces?
#
# </details>


# %% exercise="00.6"
def maxout(x, weights, biases):
    """The outputs of a maxout layer: (n, units).

    x: (n, d); weights: (k, d, units); biases: (k, units), k >= 1 pieces for each unit.
    """
    ### BEGIN SOLUTION
    pieces = x @ weights + biases[:, None, :]  # (k, n, units)
    return pieces.max(axis=0)
    ### END SOLUTION


# %% check="00.6"
check("00.6", maxout)

# %% [markdown]
# A ReLU has slope 0 for every $z \le 0$. If a large step pushes a unit so far that $z \le 0$ for
# *all* examples, then it gets no gradient from any of them, and nothing inside the unit can bring
# it back: it is **dead**.
#
# ### Exercise 00.7 · `dead_fraction` · 1 point
# `preactivations` is (n, units): a row for each example, taken before the ReLU. Return the share of
# units that are dead: $z \le 0$ for every example. A number between 0 and 1.
#
# <details><summary>Hint 1</summary>
#
# `preactivations <= 0` is an array of True and False of the same shape.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `.all(axis=0)` says for each column whether all of it is True.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The mean of True and False is the share of True: `.all(axis=0).mean()`.
#
# </details>


# %% exercise="00.7"
def dead_fraction(preactivations):
    """The share of units that no example switches on: a float in [0, 1].

    preactivations: (n, units) floats, before the ReLU.
    """
    ### BEGIN SOLUTION
    return (preactivations <= 0).all(axis=0).mean()
    ### END SOLUTION


# %% check="00.7"
check("00.7", dead_fraction)

# %% [markdown]
# What kills units, and what helps? An old piece of advice: start the biases at a small positive
# number, so that more ReLUs are on at the start. Test it: two hidden layers, 600 digits, Adam
# (lesson 03) at four learning rates. Raw pixels, with and without a bias of 0.1; standardized
# pixels; and leaky ReLUs.

# %%
predict(
    "What reduces the share of dead units most, at a learning rate of 0.01?",
    ["biases that start at 0.1", "standardized inputs", "neither does anything"],
    answer=1,
    because="Biases are weights like others: a few steps of Adam carry them away from 0.1. With "
    "raw pixels no input is negative, so that one step moves z in the same direction for all "
    "examples at once. Centered inputs cannot do that in the first layer; the second still gets "
    "what ReLUs put out.",
)

# %%
rates = (0.003, 0.01, 0.03, 0.1)
sixteen = range(100 * SEED, 100 * SEED + 16)
trained = dead_units.train_arms(rates, sixteen, steps=100)
dead = {name: (arm.active == 0).mean(2) for name, arm in trained.items()}  # (4 rates, 16 seeds)
told = "; ".join(f"{name}: {share[0].mean():.2f} to {share[-1].mean():.2f}"
                 for name, share in dead.items() if name != "leaky ReLU")  # fmt: skip
usable = "; ".join(f"{name}: {arm.accuracy[:3].mean():.3f}" for name, arm in trained.items())
plots.show(plot_dead(rates, trained), alt="The share of dead units, from the lowest learning rate "
           f"to the highest: {told}. Test accuracy, mean over the rates up to 0.03: {usable}; at "
           "0.1 it is lower for all.")  # fmt: skip

# %%
claim("ReLU: dead at learning rate 0.003, mean", dead["ReLU"][0].mean(), low=0.04, high=0.22)
claim("ReLU: dead at 0.03, mean", dead["ReLU"][2].mean(), low=0.26, high=0.43)
claim("ReLU: dead at 0.1, mean", dead["ReLU"][3].mean(), low=0.55, high=0.98)
saved = dead["ReLU"] - dead["ReLU, bias 0.1"]
bounds = ((0, 0.045), (-0.005, 0.05), (-0.045, 0.045), (-0.1, 0.07))
for rate, points, (low, high) in zip(rates, saved.mean(1), bounds, strict=True):
    claim(f"saved by a bias of 0.1, rate {rate:g}: mean", points, low=low, high=high)
saved = dead["ReLU"] - dead["ReLU, standardized"]
claim("saved by standardizing, rate 0.01: mean", saved[1].mean(), low=0.1, high=0.26)
saved = dead["ReLU, bias 0.1"] - dead["ReLU, standardized"]
claim("dead with a bias of 0.1 less dead when standardized, each rate: mean", saved.mean(1),
      low=0.06)  # fmt: skip
good = {name: arm.accuracy[:3] for name, arm in trained.items()}  # rates up to 0.03
for name in ("ReLU, bias 0.1", "ReLU, standardized", "leaky ReLU"):
    gain = (good[name] - good["ReLU"]).mean()
    claim(f"{name} less ReLU: test accuracy, rates up to 0.03", gain, low=-0.025, high=0.03)
for name, (low, high) in {"ReLU, standardized": (0.004, 0.027),
                          "leaky ReLU": (-0.008, 0.01)}.items():  # fmt: skip
    gain = (good[name] - good["ReLU"])[:2].mean()
    claim(f"{name} less ReLU: test accuracy, rates up to 0.01", gain, low=low, high=high)
for name in ("ReLU, standardized", "leaky ReLU"):  # at 0.03 a third of the plain ReLUs are dead
    gain = (good[name] - good["ReLU"])[2].mean()
    claim(f"{name} less ReLU: test accuracy at 0.03", gain, low=-0.035, high=0.025)
lost = [arm.accuracy[2].mean() - arm.accuracy[3].mean() for arm in trained.values()]
claim("accuracy lost from 0.03 to 0.1, each of the four", lost, low=0.015, high=0.5)
gain = (trained["leaky ReLU"].accuracy - trained["ReLU"].accuracy)[3].mean()
claim("leaky ReLU less ReLU: test accuracy at 0.1", gain, low=0, high=0.24)

# %% [markdown]
# The learning rate kills. The bias saves a few units in a hundred at most at the two lowest rates,
# about two on average, and none that you could count on above. Standardized inputs save most, at
# every rate. And the surprise: with a third of the units dead, the accuracy is about the same.
# There were more units than needed. A dead unit is a waste, not yet a disease. (At the two lowest
# rates standardized inputs made the network one or two points better. Living units are not the
# reason: the leaky ReLU loses none, and was no better there.)
#
# The leaky ReLU cannot die: below 0 its slope is α. Up to a rate of 0.03 it was no more accurate
# here; at 0.1, where most ReLUs die, it was. All lose accuracy there.
#
# ## 7 Are positive inputs harmful? · 5 minutes
#
# The gradient of a unit's weight is $\delta\,x_i$; δ, the derivative of the loss with respect to
# the unit's $z$, is the same for all of them. If all $x_i$ are positive, **all weights of the unit
# move up, or all down**. To raise one and lower another, they must zig-zag. So say the textbooks,
# against the sigmoid and for zero-centered activations.
#
# Two ways to walk: one step for each example, or one step for each *batch* of 16, along the mean of
# their gradients. A walk ends when a tenth of the distance is left. Its *detour* is its length over
# the straight way: 1 is none. Each panel shows the path of one seed; the detour above it is the
# mean over twenty seeds.

# %%
twenty = range(100 * SEED, 100 * SEED + 20)
cases = {"mean 0, one by one": (0, 1), "mean 0.5, one by one": (0.5, 1),
         "mean 0, batches of 16": (0, 16), "mean 0.5, batches of 16": (0.5, 16)}  # fmt: skip
same_rate = {
    name: zigzag.walk(mean, batch_size=size, lr=2.0, seeds=twenty)
    for name, (mean, size) in cases.items()
}
told = "; ".join(f"{name}: {walks.detour.mean():.1f}" for name, walks in same_rate.items())
plots.show(
    plot_walks(same_rate),
    alt="Four paths of two weights from start to goal, of one seed: "
    "centered inputs go nearly straight, positive ones zig-zag when taken one by one; in "
    f"batches of 16 both go nearly straight. Mean detour over twenty seeds: {told}.",
)

# %%
plain, single, plain_batch, batch = same_rate.values()
claim("mean 0.5, one by one: gradients whose entries agree in sign", single.same_sign, low=1)
claim("the same in batches of 16, mean", batch.same_sign.mean(), low=0.05, high=0.35)
claim("detour, one by one: mean", single.detour.mean(), low=2.0, high=3.3)
claim("detour, batches of 16: mean", batch.detour.mean(), low=1.1, high=1.35)
ratio = single.steps.mean() / plain.steps.mean()
claim("one by one: steps, positive over centered", ratio, low=0.9, high=1.1)
ratio = batch.steps.mean() / plain_batch.steps.mean()
claim("batches of 16: steps, positive over centered", ratio, low=0.95, high=1.05)
tuned = [zigzag.fastest_walk(mean, batch_size=16, seeds=twenty, rates=(2, 4, 8, 16, 32))
         for mean in (0, 0.5)]  # fmt: skip
claim("batches, each at its fastest rate: steps, positive over centered",
      tuned[1].steps.mean() / tuned[0].steps.mean(), low=3, high=8)  # fmt: skip
claim("the same: detour of positive inputs, mean", tuned[1].detour.mean(), low=1.1)

# %% [markdown]
# The zig-zag is real, but it is a matter of single examples. In a batch, some δ are positive and
# some negative, the signs no longer agree, and the path is nearly straight. And for all the
# zig-zag: at the same learning rate, positive inputs took as many steps as centered ones.
#
# What does cost something is the other effect, from section 3: a mean away from 0 makes one
# direction steep, and allows only a smaller learning rate. With each at its fastest of five rates,
# centered inputs were several times faster, also in batches. (At its fastest the positive walk in
# batches zig-zags again: it is close to the largest rate that it stands.)

# %% [markdown]
# ## Summary
#
# - Standardization and min–max change the inputs; regularization limits the model.
# - The condition number κ bounds the steps: 4.6 κ leave at most 1 % of the way, at rate 1/λ₁.
#   Scales enter squared. Center, then scale. For images centering is nearly enough.
# - Whitening gives κ = 1, and makes noise as fast as signal.
# - Fit every statistic on the training set, and store it with the model.
# - Gradients are multiplied by φ′ at every layer: at most ¼ for a sigmoid, 1 for tanh and ReLU.
# - ReLUs die of large steps. Smaller rates and centered inputs help; a positive bias hardly does.

# %% [markdown]
# ## Where textbooks disagree
#
# - *"Scale features to the range 0 to 1."* On noisy digits that made descent slower than no
#   preparation; on clean ones the loss fell faster (section 3). Centering helped on both.
# - *"The condition number is the number of steps."* It sets the pace of the last direction; loss
#   and accuracy are decided earlier, accuracy much earlier (section 3).
# - *"Whitening is the ideal preparation."* Fastest, and less accurate than the best moment of all
#   others (section 3).
# - *"Test statistics in the scaling make results too good."* Not measurably, here; choosing
#   features did. Tiny or one-class batches scaled by themselves did great harm (section 4).
# - *"Positive inputs make gradient descent zig-zag."* For single examples; in batches at the same
#   rate the detour nearly vanishes. What remains is a smaller learning rate (section 7).
# - *"Start biases at 0.1 against dead ReLUs."* A few units in a hundred at most at the two lowest
#   rates, nothing dependable where many die (section 6).
# - *"Dead units ruin a network."* A third of them dead, and the accuracy was the same (section 6).
# - *"Use leaky ReLU or maxout to avoid dead units."* They cannot die; the leaky one was not more
#   accurate at usable rates (section 6).

# %% [markdown]
# ## References
#
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller (1998). Efficient BackProp. In *Neural Networks:
#   Tricks of the Trade*. Springer. (Scaling, condition number, zig-zag.)
# - A. Kessy, A. Lewin, K. Strimmer (2018). Optimal whitening and decorrelation. *The American
#   Statistician* 72(4).
# - S. Kaufman, S. Rosset, C. Perlich, O. Stitelman (2012). Leakage in data mining: formulation,
#   detection, and avoidance. *ACM TKDD* 6(4).
# - V. Nair, G. Hinton (2010). Rectified linear units improve restricted Boltzmann machines. *ICML*.
# - A. Maas, A. Hannun, A. Ng (2013). Rectifier nonlinearities improve neural network acoustic
#   models. *ICML Workshop on Deep Learning for Audio, Speech and Language Processing*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015). Delving deep into rectifiers. *ICCV*. (PReLU.)
# - D.-A. Clevert, T. Unterthiner, S. Hochreiter (2016). Fast and accurate deep network learning by
#   exponential linear units (ELUs). *ICLR*.
# - I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville, Y. Bengio (2013). Maxout networks.
#   *ICML*.
# - D. Hendrycks, K. Gimpel (2016). Gaussian error linear units (GELUs). arXiv:1606.08415.
# - S. Elfwing, E. Uchibe, K. Doya (2018). Sigmoid-weighted linear units for neural network function
#   approximation in reinforcement learning. *Neural Networks* 107. (SiLU.)
# - X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep feedforward neural
#   networks. *AISTATS*.

# %% [markdown]
# ## Glossary
#
# All lessons in one place; the terms stand under the lesson that explains them. Ctrl + F finds a
# word. Some letters have several meanings: the table says which lesson means what.
#
# | symbol | meaning | lesson |
# |---|---|---|
# | $x,\ X$ | an input; a matrix with an example in each row | all |
# | $y,\ \hat y$ | target (label); the model's output; in 04 and 05, $y$ is a layer's output | all |
# | $n,\ N$ | number of examples; in 04, $N$ counts units; in 05, both count a batch | all |
# | $d$ | number of features | all |
# | $K$ | number of classes | 04, 06, 08 to 10 |
# | $S$ | number of seeds, as in the shape $(T, S)$ | 03 to 11 |
# | $w,\ W,\ b$ | weights, bias; $w^*$ the best ones; in 03 and 10, $b$ is momentum's buffer | all |
# | $z = w^\top x + b$ | pre-activation; in 04 and 09 the logits; in 03 a root | 00, 01, 05 |
# | $h = \varphi(z)$ | activation; φ the activation function, φ′ its slope | 00, 01, 05 |
# | $l,\ L$ as an index | a layer, the last layer | 01, 05 |
# | $C,\ H,\ W;\ h,\ w$ | channels, height, width of images | 05; 08 |
# | $L$ | loss; in 02, the largest eigenvalue | all |
# | $J,\ \tilde J$ | loss without and with a penalty; in 01, $J$ is the Jacobian | 02 |
# | $\nabla L,\ g$ | gradient of the loss; in 01, $g$ is a draw from $N(0,1)$ | 02 to 10 |
# | $\delta$ | derivative of the loss by a pre-activation or logit | 00, 01 |
# | $\eta$ | learning rate (`lr`) | all |
# | $t$ | step; in 02 also the threshold of soft-thresholding | 02, 03, 07, 10 |

# %% [markdown]
# | symbol | meaning | lesson |
# |---|---|---|
# | $\lambda,\ \Omega$ | strength of a penalty or of weight decay; the penalty | 02, 03, 05, 09 |
# | $\lambda_i,\ \lambda_1$ | eigenvalues of the curvature; the largest one | 00, 07 |
# | $\lambda,\ \pi$ in mixup | share of the first image; the order of partners | 08 |
# | $\kappa$ | condition number, largest over smallest curvature | 00, 10 |
# | $H,\ h$ | Hessian, the matrix of second derivatives; one curvature | 07, 09, 10; 03 |
# | $\alpha$ | of leaky ReLU and ELU; a model's say in AdaBoost; ridge's strength | 00; 06; 03, 07 |
# | $C,\ \Gamma$ | inverse strength of a penalty; matrix of a penalty | 03; 04 |
# | $\alpha$ | an angle; of mixup | 08 |
# | $a$ | bound of $U[-a, a]$; a factor on weights (in 02, α) | 01; 05, 09 |
# | $\mu$ | mean; in 03 and 10 the momentum | 00, 05; 03, 10 |
# | $\sigma,\ \sigma^2$ | standard deviation, variance | all |
# | $n_\text{in},\ n_\text{out}$ | `fan_in`, `fan_out`: connections in and out | 01 |
# | $\sigma_w^2,\ q_l,\ \chi$ | weight variance × fan_in; Var(z); the gradient's factor | 01 |
# | $\lVert w\rVert_1,\ \lVert w\rVert_2$ | sum of absolute values; length | 02 |
# | $s$ | the sigmoid; budget, the largest norm allowed | 00; 02 |
# | $s$ | $\sqrt{\sigma^2+\varepsilon}$; share of a schedule; std over seeds | 05; 10; 11 |
# | $R,\ \theta$ | radius and angle of the optimum | 02 |
# | $\tau,\ b$ | width of a Gaussian prior, of a Laplace prior | 02 |

# %% [markdown]
# | symbol | meaning | lesson |
# |---|---|---|
# | $q,\ p$ | `keep_prob`; $p = 1-q$, the probability of dropping | 04 |
# | $q_k,\ p_k$ | target of a class; its probability, the softmax | 09 |
# | $m$ | mask of 0 and 1; in 05 the momentum of running statistics | 04; 05 |
# | $m,\ v;\ \hat m,\ \hat v$ | Adam's means of the gradient and its square; corrected | 03, 10 |
# | $\beta_1,\ \beta_2$ | Adam's memory of the two means | 03, 10 |
# | $\hat x,\ \gamma,\ \beta$ | normalized input; scale and shift after it | 05 |
# | $\mu_r,\ \sigma_r^2$ | running mean, running variance | 05 |
# | $\varepsilon$ | a tiny number against division by 0 | 03, 05, 10 |
# | $\varepsilon$ | weighted error of a round; strength of label smoothing | 06; 09 |
# | $\epsilon,\ E$ | noise on inputs or weights, a vector and a matrix | 09 |
# | $c,\ \nu$ | std of the noise in a gradient | 03; 05 |
# | $\rho$ | length of SAM's step uphill | 09 |
# | $T$ | number of views; temperature; number of steps | 08; 09; 10 |
# | $B$ | batch size | 09 |
# | $k$ | number of pieces (maxout); of models; of copies | 00; 06; 08 |
# | $v,\ c$ | mean square of an error; mean product of two models' errors | 06 |
# | $e_i,\ p_i$ | error of model $i$; its probabilities | 06 |
# | $w_i,\ Z$ | weight of an example in AdaBoost; what makes the weights sum to 1 | 06 |
# | $\operatorname{tr} H$ | sum of the curvatures, a measure of sharpness | 09 |
# | $\odot$ | product entry by entry | 04, 05 |
# | $\mathbb E,\ \operatorname{Var}$ | mean and variance over chance | all |

# %% [markdown]
# ### Terms of lesson 00
#
# | term | 한국어 | meaning |
# |---|---|---|
# | feature | 특성 | one column of the data |
# | label | 레이블 | the right class of an example |
# | cross-validation | 교차 검증 | each part of the data is tested once |
# | training set | 훈련 세트 | the examples that weights are fitted to |
# | validation set | 검증 세트 | examples that choose settings |
# | test set | 테스트 세트 | examples that only judge, once |
# | loss | 손실 | how wrong the model is, as a number |
# | seed | 시드 (난수 시드) | the number that random draws start from |
# | batch | 배치 (미니배치) | the examples of one step |
# | step, update | 스텝, 업데이트 (갱신) | one change of the weights |
# | gradient descent | 경사 하강법 | steps downhill along the gradient |
# | learning rate | 학습률 | a factor on the length of these steps |
# | centering | 중심화 (평균 제거) | subtract the mean |
# | standardization | 표준화 | mean 0, standard deviation 1 |
# | normalization | 정규화 | to a fixed range or norm |
# | regularization | 규제 (정규화) | whatever limits overfitting |
# | whitening | 백색화 | identity as covariance |
# | covariance | 공분산 | how two numbers vary together |
# | principal component analysis (PCA) | 주성분 분석 | directions of largest variance |
# | condition number | 조건수 | largest over smallest curvature |
# | data leakage | 데이터 누수 | test data have a say in the training |
# | activation function | 활성화 함수 | the bend between two layers |
# | pre-activation | 활성화 전 값 | the sum before the bend |
# | saturation | 포화 | flat part of φ: no gradient |
# | dead unit (dead ReLU) | 죽은 뉴런 (죽은 ReLU) | off for every example |
# | maxout | 맥스아웃 | the largest of several linear pieces |
# | vanishing gradient | 기울기 소실 (그레이디언트 소실) | gradients fade on the way back |

# %% [markdown]
# ### Terms of lesson 01
#
# | term | 한국어 | meaning |
# |---|---|---|
# | initialization | 초기화 | the weights before the first step |
# | logit | 로짓 | score of a class, before the softmax |
# | softmax | 소프트맥스 | turns scores into probabilities |
# | cross-entropy | 교차 엔트로피 | minus the log of the right class's probability |
# | stochastic gradient descent (SGD) | 확률적 경사 하강법 | gradient of a small batch |
# | linear probe | 선형 프로브 | a linear classifier on a layer's activations |
# | symmetry breaking | 대칭성 깨기 | units must start different |
# | fan-in, fan-out | 팬인(입력 수), 팬아웃(출력 수) | connections into and out of a unit |
# | LeCun initialization | 르쿤 초기화 | variance 1/fan_in |
# | Xavier (Glorot) initialization | 세이비어(글로럿) 초기화 | variance 2/(fan_in + fan_out) |
# | He initialization | He(허) 초기화 | variance 2/fan_in, for ReLU |
# | gain | 게인 | a factor on the initial std |
# | exploding gradient | 기울기 폭발 (기울기 폭주) | gradients grow on the way back |
# | orthogonal initialization | 직교 초기화 | all singular values equal |
# | singular value | 특잇값 | how much a matrix stretches a direction |
# | Jacobian | 야코비 행렬 | derivatives of outputs by inputs |
# | dynamical isometry | 동역학적 등거리성 | the Jacobian's singular values near 1 |
# | order and chaos | 질서와 혼돈 | small differences fade, or grow |

# %% [markdown]
# ### Terms of lesson 02
#
# | term | 한국어 | meaning |
# |---|---|---|
# | overfitting | 과적합 (과대적합) | good on training data only |
# | generalization error | 일반화 오차 | error on new data |
# | penalty | 벌점 (페널티) | a term added to the loss |
# | L1, lasso | L1 규제, 라쏘 | sum of absolute weights |
# | L2, ridge | L2 규제, 릿지 | sum of squared weights |
# | sparsity | 희소성 | many weights are exactly 0 |
# | subgradient | 서브그레이디언트 | a slope at a kink |
# | proximal step | 근접 연산 (근접 경사법) | exact step for a kinked penalty |
# | soft-thresholding | 연성 임계화 (소프트 임계화) | shrink by t, or to 0 |
# | shrinkage | 축소 | weights pulled towards 0 |
# | prior, posterior | 사전 분포, 사후 분포 | belief before and after the data |
# | likelihood | 가능도 (우도) | how probable the data are |
# | MAP | 최대 사후 확률 추정 | the most probable weights |

# %% [markdown]
# ### Terms of lesson 03
#
# | term | 한국어 | meaning |
# |---|---|---|
# | weight decay | 가중치 감쇠 (가중치 감소) | a share of the weight goes at each step |
# | momentum | 모멘텀 | gradients summed with a memory |
# | adaptive learning rate | 적응적 학습률 | a rate for each weight |
# | coupled, decoupled | 결합, 분리 | decay inside or beside the gradient |
# | label noise | 레이블 노이즈 (레이블 잡음) | wrong labels in training |
# | divergence | 발산 | steps lead away |
#
# ### Terms of lesson 04
#
# | term | 한국어 | meaning |
# |---|---|---|
# | dropout | 드롭아웃 | units switched off at random |
# | keep probability | 유지 확률 (보존 확률) | `keep_prob`, not torch's p |
# | mask | 마스크 | ones and zeros, drawn anew |
# | inverted dropout | 역 드롭아웃 | scaled while training |
# | weight scaling | 가중치 스케일링 | scaled at test time instead |
# | thinned network | 솎아낸 신경망 | what a mask leaves |
# | train mode, eval mode | 훈련 모드, 평가 모드 | `.train()`, `.eval()` |
# | co-adaptation | 공적응 | units that only work together |
# | MC dropout | 몬테카를로 드롭아웃 | many masks at test time |
# | drop path | 드롭 패스 (확률적 깊이) | whole layers are dropped |

# %% [markdown]
# ### Terms of lesson 05
#
# | term | 한국어 | meaning |
# |---|---|---|
# | batch normalization | 배치 정규화 | each unit standardized over the batch |
# | layer normalization | 층 정규화 | each example over its units |
# | instance normalization | 인스턴스 정규화 | each channel of each image |
# | group normalization | 그룹 정규화 | groups of channels |
# | weight normalization | 가중치 정규화 | length and direction apart |
# | running mean, running variance | 이동 평균, 이동 분산 | averages kept for test time |
# | scale and shift | 스케일과 시프트 | γ and β |
# | scale invariance | 스케일 불변성 (척도 불변성) | the weights' length has no effect |
# | effective learning rate | 유효 학습률 | η over the squared length |
# | epoch | 에포크 (에폭) | once through the training set |
# | internal covariate shift | 내부 공변량 변화 | layers' inputs change in training |
# | folding | 폴딩 (병합) | put into the layer before |

# %% [markdown]
# ### Terms of lesson 06
#
# | term | 한국어 | meaning |
# |---|---|---|
# | ensemble | 앙상블 | several models, one answer |
# | bagging | 배깅 | each model on its bootstrap sample |
# | bootstrap | 부트스트랩 | n draws with replacement |
# | out-of-bag | 아웃 오브 백 (OOB) | the examples that were not drawn |
# | majority vote | 다수결 투표 (직접 투표, 하드 보팅) | the class named most |
# | average vote | 간접 투표 (소프트 보팅) | mean of the probabilities |
# | one-hot label | 원-핫 레이블 | 1 for the right class, 0 for the others |
# | stacking | 스태킹 | a model learns to combine |
# | boosting | 부스팅 | errors weigh more next time |
#
# ### Terms of lesson 07
#
# | term | 한국어 | meaning |
# |---|---|---|
# | early stopping | 조기 종료 | stop before the training loss is lowest |
# | patience | 인내 (대기 횟수) | epochs to wait for a better one |
# | best weights restored | 최적 가중치 복원 | back to the best epoch |
# | regret | 후회 | what a rule gives away |
# | filter | 필터 | the share reached, by direction |

# %% [markdown]
# ### Terms of lesson 08
#
# | term | 한국어 | meaning |
# |---|---|---|
# | data augmentation | 데이터 증강 | new examples from old ones |
# | invariance | 불변성 | the class stays under a transform |
# | online augmentation | 온라인(실시간) 증강 | drawn anew each time |
# | cut-out | 컷아웃 | a square is blanked |
# | mixup | 믹스업 | two images and labels blended |
# | hyper-parameter | 하이퍼파라미터 | a setting that is not learned |
# | policy | 증강 정책 | which transforms, how strong |
# | bilinear interpolation | 쌍선형 보간법 (양선형 보간법) | a value between four pixels |
# | test-time augmentation (TTA) | 테스트 시점 증강 (TTA) | average over transformed inputs |
#
# ### Terms of lesson 09
#
# | term | 한국어 | meaning |
# |---|---|---|
# | noise injection | 노이즈 주입 | noise on inputs or weights |
# | label smoothing | 레이블 스무딩 | targets a bit less certain |
# | soft label | 소프트 레이블 | probabilities as a target |
# | calibration | 보정 (캘리브레이션) | 80 % sure is right in 80 % |
# | expected calibration error (ECE) | 기대 보정 오차 | the mean gap of that |
# | flat minimum, sharp minimum | 평평한 최소점, 뾰족한 최소점 | little or much curvature |
# | Hessian | 헤세 행렬 (헤시안) | matrix of second derivatives |
# | trace | 대각합 (트레이스) | sum of a matrix's diagonal |
# | saddle | 안장점 | uphill one way, downhill another |
# | sharpness-aware minimization (SAM) | 샤프니스 인식 최소화 | gradient where it is worst nearby |
# | reliability diagram | 신뢰도 다이어그램 | accuracy over confidence |
# | temperature scaling | 온도 스케일링 | all logits divided by T |

# %% [markdown]
# ### Terms of lesson 10
#
# | term | 한국어 | meaning |
# |---|---|---|
# | learning-rate schedule | 학습률 스케줄 | a rate that changes over the steps |
# | ravine | 협곡 | steep one way, flat the other |
# | warm-up | 웜업 (워밍업) | the rate rises at the start |
# | cosine decay | 코사인 감쇠 | it falls along a cosine |
# | bias correction | 편향 보정 | repairs Adam's first steps |
# | range test | 학습률 범위 테스트 | try rising rates |
# | grid search | 그리드(격자) 탐색 | all combinations of a few values |
# | random search | 랜덤(무작위) 탐색 | settings drawn at random |
# | coarse to fine | 점진적 세분화 탐색 | search wide, then near the best |
#
# ### Terms of lesson 11
#
# | term | 한국어 | meaning |
# |---|---|---|
# | baseline | 기준 모델 (베이스라인) | what must be beaten |
# | ablation | 절제 연구 (절제 실험) | leave out one part, measure |
# | confusion matrix | 혼동 행렬 (오차 행렬) | true classes against guesses |
# | standard error | 표준 오차 | the std of a mean |
# | lab book | 실험 노트 (연구 노트) | every run with its settings |

# %%
progress("00")
