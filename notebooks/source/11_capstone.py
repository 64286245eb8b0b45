# %% [markdown]
# # 11 Capstone: mend a sick network
#
# You get a network that learns badly, for four reasons at once. Find them, treat it within a fixed
# budget, and write a report that others can trust.
#
# *120 minutes, most of them yours. Builds on all lessons.*
#
# After this lesson you will be able to
# - find out what ails a network that learns badly, from its curves and its errors;
# - treat it on a fixed budget, and keep a lab book that you can trust a week later;
# - tell treatments that help each other from treatments that get in each other's way;
# - write an ablation that is fair, and a conclusion that its figures support.
#
# Words and symbols that are new to you: see the [glossary](00_warm_up.ipynb#Glossary).

# %%
import sys

import numpy as np
from tqdm import tqdm

from helpers import SEED, check, claim, data, plots, predict, progress
from helpers.labbook import LabBook
from helpers.plots.capstone import (
    explore_book,
    explore_confusion,
    plot_cures,
    plot_images,
    plot_runs,
)
from helpers.recipe import FAMILIES, RULES, SICK, treated
from helpers.tables import Table

# %% [markdown]
# ## 1 The patient · 15 minutes
#
# 1000 training images of 16×16 pixels: digits that were turned, shifted, dimmed, and sprinkled with
# noise. 20 % of the *training* labels are wrong. The 500 validation images are as hard, but their
# labels are right. There are 297 test images, too. You do not have them.

# %%
digits = data.load("hard_digits")
plots.show(plot_images(digits["x_train"][:20], digits["y_train"][:20]),
           alt="Twenty gray 16×16 digits, noisy and of different brightness, the training label "
           "above each. Some labels do not fit their image.")  # fmt: skip

# %% [markdown]
# The network is an MLP, 256-256-128-64-10 with ReLU. It is trained for **15 epochs**. Both are the
# same for everybody. The rest is a *recipe*: a dict of settings. The empty recipe `{}` is the sick
# baseline. It is sick in four ways: initialization, normalization, regularization, optimization.
#
# Your target: **80 % validation accuracy** or more.

# %%
family = {name: family for family, names in FAMILIES.items() for name in names}
rows = [(name, str(SICK[name]), rule.allowed, rule.meaning, family[name])
        for name, rule in RULES.items()]  # fmt: skip
Table(("setting", "sick", "allowed", "meaning", "family"), rows)

# %% [markdown]
# `book.run(name, recipe, seeds=…)` trains and writes down all of it: settings, curves, seeds, time.
# The book is a file; it survives a restart of the kernel. A run that is in the book already is not
# trained again, and keeps its first name. Three seeds are trained at once, which costs less than
# three runs one by one.

# %%
SEEDS = range(100 * SEED, 100 * SEED + 3)
book = LabBook()
sick = book.run("sick baseline", {}, seeds=SEEDS)
sick

# %%
claim("sick baseline: validation accuracy, mean", sick.mean, low=0.3, high=0.66)
claim("sick baseline: accuracy on its training labels, mean",
      sick.curve("train_accuracy")[-1].mean(), low=0.35, high=0.75)  # fmt: skip

# %% [markdown]
# A network that recognizes every digit would reach 80 % on these *training* labels: one in five is
# wrong. A network that gets more than that is learning wrong labels by heart.

# %% [markdown]
# ## 2 How much must a difference be? · 10 minutes

# %%
predict(
    "Recipe A has a validation accuracy of 0.78, recipe B one of 0.80: 500 images, one seed each. "
    "Is B better?",
    ["yes, by two points", "probably", "this cannot be told"],
    answer=2,
    because="An accuracy of 0.8 from 500 images has a standard error of 1.8 points from the choice "
    "of images alone, and the seed moves it, too: that of the baseline mostly by several points.",
)

# %%
error = np.sqrt(0.8 * 0.2 / 500)
claim("standard error of an accuracy of 0.8 on 500 images", error, low=0.0178, high=0.018)
claim("sick baseline: spread from seed to seed, std", sick.std, low=0.002, high=0.25)

# %% [markdown]
# Two rules follow. Compare recipes on the **same images and the same seeds**: what is hard for both
# cancels in the difference. What is hard for one of them only does not: a start that is unlucky
# with small steps need not be so with Adam, and then the baseline's own scatter stays in the gain.
# So use **several seeds**, and look at how the differences scatter.
#
# ## 3 One cure at a time · 15 minutes
#
# One obvious cure of each family. None of them is tuned.

# %%
cures = {
    "initialization": {"init": "he"},
    "normalization": {"inputs": "image", "norm": "batch"},
    "regularization": {"weight_decay": 0.03},
    "optimization": {"optimizer": "adamw", "learning_rate": 3e-3, "schedule": "cosine",
                     "warmup": 1},
}  # fmt: skip

# %%
predict(
    "Each cure alone, against the sick baseline: which one helps most?",
    ["initialization", "normalization", "regularization", "optimization"],
    answer=3,
    because="Fifteen epochs are few. The baseline's small fixed step wastes them; Adam with a "
    "schedule uses them. Normalization speeds learning, too, but less; He weights and weight decay "
    "hardly do.",
)

# %%
shown = tqdm(cures.items(), desc="four cures", file=sys.stdout)
single = {name: book.run(f"only {name}", r, seeds=SEEDS, bar=False) for name, r in shown}
gains = {name: run.scores - sick.scores for name, run in single.items()}
plots.show(plot_cures(gains), alt="Change of validation accuracy by each cure alone: " + ", ".join(
    f"{name} {gain.mean():+.2f}" for name, gain in gains.items()) + ".")  # fmt: skip

# %%
others = max(gains[name].mean() for name in cures if name != "optimization")
claim("optimization alone: gain, mean", gains["optimization"].mean(), low=0.02, high=0.4)
claim("optimization: gain beyond the next best", gains["optimization"].mean() - others, low=0.01)
best = max(run.scores.max() for run in single.values())
claim("the best single cure, best seed", best, high=0.79)
fitted = {name: run.curve("train_accuracy")[-1].mean() for name, run in single.items()}
start = sick.curve("train_accuracy")[-1].mean()
claim("training accuracy: optimization less normalization",
      fitted["optimization"] - fitted["normalization"], low=0.02)  # fmt: skip
claim("training accuracy: normalization less baseline", fitted["normalization"] - start, low=0)
slow = max(fitted["initialization"], fitted["regularization"])
claim("training accuracy: the better of the others less baseline", slow - start, high=0.07)

# %% [markdown]
# No single cure comes to 80 %. Others of one family alone did not get there, either: in eleven such
# recipes (some of them tuned), trained with five seeds each in the tests of this course, no seed
# passed 79 %. The patient has four illnesses.
#
# ## 4 Two cures at a time · 20 minutes

# %%
predict(
    "Optimization alone gives most, normalization alone gives some. Both together?",
    ["more than both gains added", "about both gains added",
     "about what optimization alone gives, or less"],
    answer=2,
    because="Together they fit so fast that the network learns the training labels by heart, "
    "the wrong ones, too. What was missing before is now in excess.",
)  # fmt: skip

# %%
pair = {**cures["optimization"], **cures["normalization"]}
both = book.run("optimization + normalization", pair, seeds=SEEDS, bar=False)
learned = {name: run.curve("train_accuracy")[-1].mean()
           for name, run in {"alone": single["optimization"], "both": both}.items()}  # fmt: skip
both

# %%
more = both.scores - single["optimization"].scores
claim("both less optimization alone: mean", more.mean(), low=-0.1, high=0.05)
claim("optimization alone: accuracy on its training labels", learned["alone"], low=0.7, high=0.95)
claim("both: accuracy on its training labels", learned["both"], low=0.97)

# %% [markdown]
# So the effect of a cure depends on the other cures. This is called **interaction**. With the
# scores of *neither*, the *first* alone, the *second* alone and *both*, the effect of the second is
#
# $$\text{second} - \text{neither} \ \text{ without the first}, \qquad
#   \text{both} - \text{first} \ \text{ with it,}$$
#
# and the interaction is the second difference minus the first one. It is zero when gains add up,
# positive when the cures help each other, negative when they get in each other's way.
#
# ### Exercise 11.1 · `interaction` · 2 points
# Four arrays of length $S \ge 2$: accuracies of the same $S$ seeds, in the same order. Return a
# tuple `(mean, error)` of two numbers: the mean over seeds of the interaction *of each seed*, and
# the standard error of that mean, $s/\sqrt S$, with $s$ the standard deviation of the $S$
# interactions that divides by $S-1$.
#
# <details><summary>Hint 1</summary>
#
# First an array of $S$ interactions, one per seed. Only then a mean and a spread.
#
# </details>
# <details><summary>Hint 2</summary>
#
# (both − first) − (second − neither). It does not matter which of the two is called the first.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `effect.std(ddof=1) / np.sqrt(len(effect))` is the standard error of `effect.mean()`.
#
# </details>


# %% exercise="11.1"
def interaction(neither, first, second, both):
    """The interaction of two treatments: (mean over seeds, its standard error).

    neither, first, second, both: (S,) accuracies without, with one, with the other, with both.
    """
    ### BEGIN SOLUTION
    effect = (both - first) - (second - neither)  # (S,)
    return effect.mean(), effect.std(ddof=1) / np.sqrt(len(effect))
    ### END SOLUTION


# %% check="11.1"
check("11.1", interaction)

# %%
grid = np.array([[sick.scores, single["normalization"].scores],
                 [single["optimization"].scores, both.scores]])  # fmt: skip
effect = np.diff(np.diff(grid, axis=0), axis=1).squeeze()  # (S,)
claim("interaction of optimization and normalization, mean", effect.mean(), low=-0.3, high=0.07)
four = (sick, single["optimization"], single["normalization"], both)
try:
    mean, error = interaction(*(run.scores for run in four))
    print(f"by your function: {mean:+.3f} ± {error:.3f}")
except NotImplementedError:
    print("not attempted yet: interaction; going on with NumPy's differences")

# %% [markdown]
# ### Explore: the lab book
#
# Pick two runs. Start with *only optimization* against *optimization + normalization*. When does
# the training accuracy pass 80 %, and does the validation accuracy follow? Then the loss: of which
# run does the *training* loss fall toward 0, though a fifth of its labels are wrong? Does its
# validation loss tell you?

# %%
explore_book(book, run=single["optimization"].number, second=both.number)

# %% [markdown]
# ### Explore: what does it confuse?
#
# Rows are true classes of validation images, columns are the classes given; right answers are left
# out (gray). Compare the sick baseline with *optimization + normalization*: which confusions stay?
#
# Come back when your book has more runs, and run this cell again, and that of the curves.

# %%
explore_confusion(book)

# %% [markdown]
# ## 5 Your treatment · 60 minutes
#
# Now it is yours. One line per run; change the recipe, run the cell again. You can also write a
# schedule or the weights' stds yourself: a list of 15 factors, a list of 4 stds.
#
# - Have a reason before each run, and write it into the name.
# - If the loss becomes NaN, the error says at which step, and what to look at.
# - Look for what is *limiting*: does it learn too little, too slowly, or too much?
#
# The first line below is in the book already: you get that run, under the name that it has.

# %%
book.run("He, as lesson 01 says", {"init": "he"}, seeds=SEEDS)

# %%
fading = [0.8**epoch for epoch in range(15)]
layers = [0.5 * (2 / fan_in) ** 0.5 for fan_in in (256, 256, 128, 64)]  # half of He's
# book.run("larger steps, fading", {"learning_rate": 0.05, "schedule": fading}, seeds=SEEDS)
# book.run("stds by layer", {"init": layers}, seeds=SEEDS)

# %%
book.table()

# %%
plots.show(plot_runs(book.entries), alt="Validation accuracy of each run in the lab book: "
           + "; ".join(f"{e.name} {e.mean:.2f}" for e in book.entries[-20:]) + ".")  # fmt: skip

# %% [markdown]
# ### Exercise 11.2 · `recipe` · 6 points
# Return your recipe: a dict of settings. Settings that you leave out stay sick. Here it is trained
# with three seeds and judged by its mean accuracy on the validation images. **Grading trains it
# again**, with three secret seeds, and judges it on the hidden test images.
#
# One point each for an accuracy of 70, 74, 77, 80, 83 and 85 %; the last one also asks for a change
# in each of the four families. There any change counts, also a std of your own for `init`: one near
# He's is a treatment as good as the word. A change that does nothing counts, too. Three seeds
# could not tell it from a small cure; your ablation and your conclusion must.
#
# What is in the recipe counts, and nothing else: no more epochs, no other network, no
# predictions, no classifier of scikit-learn (and no `load_digits`, which holds the clean sources).
# A message tells you so. Write the values out: grading runs this cell and functions of your own,
# not your experiments.
#
# <details><summary>Hint 1</summary>
#
# Optimization and normalization together learn the training labels by heart. Which family is
# against that? Weight decay is one of its members, and not the strongest here.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The images differ in where the digit is, how it is turned and how large it is (lesson 08). How
# bright they are is another matter: compare the three ways to treat `inputs`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Still below 85 %? Tune: the strength of the augmentation, the learning rate with its schedule,
# layer instead of batch normalization. Three seeds per run, one change per run.
#
# </details>


# %% exercise="11.2"
def recipe():
    """The settings to hand in: a dict with names from the table above."""
    ### BEGIN SOLUTION
    return {
        "init": "he",
        "inputs": "image",
        "norm": "batch",
        "batch_size": 16,
        "learning_rate": 0.05,
        "momentum": 0.9,
        "schedule": "cosine",
        "rotate": 12,
        "shift": 1,
        "zoom": 0.1,
    }
    ### END SOLUTION


# %% check="11.2"
check("11.2", recipe)

# %% [markdown]
# ### The ablation
#
# What does each family contribute? Two answers that differ: what it gives **alone**, and what is
# lost when it is **left out** of the whole. You have seen why: cures interact. A part may
# *diverge*: steps that the whole recipe stands can be too large for it. The last column names the
# runs of your book.

# %%
try:
    mine = recipe()
except NotImplementedError:
    print("not attempted yet: recipe; going on with optimization + normalization")
    mine = pair
print("families treated:", ", ".join(treated(mine)))
book.ablation(mine, seeds=SEEDS)

# %% [markdown]
# Points end at 85 %, recipes do not: one in the tests of this course passes 87 % with each of five
# seeds, and that is no ceiling. Is He the best start for yours? `orthogonal`, `torch` and a small
# std are one run each.
#
# Not in the table, but part of an honest report: how many recipes you tried. The best of many looks
# better on the validation images than it is. That is what the hidden test images are for.
#
# ### Written question 11.conclusion · 1 point
#
# *What was wrong with the patient, and how do you know?* About 200 words: what you tried (also what
# failed), what the ablation shows with its spread over seeds, what you conclude, what stays open.
# Give run numbers of your lab book.

# %% [markdown] written="11.conclusion"
# ### BEGIN SOLUTION
# I made about forty runs, three seeds each. The baseline reaches 0.51 ± 0.07. Single cures do not
# get it to 0.80: the best was Adam with a cosine schedule (0.73 ± 0.02); dropout alone made it
# worse, and so did standardizing each pixel. Optimization and normalization together reach 100 %
# on the training labels: they learn the wrong ones by heart, and the validation accuracy (0.68) is
# not above that of optimization alone (0.70).
#
# Augmentation changes this: the whole recipe has 0.90 ± 0.01. Left out alone, normalization and
# regularization cost most (both 0.18 ± 0.03), then optimization (0.13 ± 0.02), initialization
# least (0.03 ± 0.01). Alone they gave 0.09, 0.06, −0.43 and 0.03: momentum with large steps ruins
# the baseline and needs the other cures. So the families interact, and what one gives alone says
# little about its part in the whole.
#
# Not supported: that initialization does not matter. Batch normalization makes the scale of the
# weights nearly irrelevant here; with Adam and without normalization He gave 0.08. Open: whether
# layer and batch normalization differ (0.01, within the spread of three seeds).
# ### END SOLUTION

# %% [markdown]
# ### Written question 11.method · 1 point
#
# *Half a page on a method that is not in the lessons* and that narrows the gap between training and
# generalization error: its source, how it works (a formula or steps), why it should help, when it
# should not, and which run with this patient would test it.

# %% [markdown] written="11.method"
# ### BEGIN SOLUTION
# Stochastic depth (Huang, Sun, Liu, Sedra, Weinberger 2016, ECCV). In a residual network each block
# computes h + f(h). While training, f is left out with a probability p that grows with depth, drawn
# anew for every batch; at test time all blocks are used, f scaled by 1 − p.
#
# It trains an ensemble of networks of different depth that share weights, as dropout does for
# widths, so no block can rely on a particular later one: that works against co-adaptation and
# memorized labels. Shorter networks also have shorter gradient paths, and training costs less.
# It should not help where the network is shallow or underfits: leaving out a block then takes away
# capacity that is needed. It needs skip connections.
#
# Test: the same width with two residual blocks of 256, p = 0, 0.2 and 0.5 for the last block, all
# else as in my recipe, ten paired seeds. Expected: a lower training accuracy on wrong labels, and a
# higher validation accuracy for p = 0.2; at p = 0.5 underfitting.
# ### END SOLUTION

# %% [markdown]
# ## Summary
#
# - A network can be sick in several ways at once; then no single cure shows what it is worth.
# - What limits changes as you treat: first the speed of learning, then what is learned by heart.
# - Cures interact. Give their effect alone *and* left out, of the same seeds, with its spread.
# - Keep a book that writes itself, and count your tries.
#
# ## Where textbooks disagree
#
# - *"Batch normalization regularizes."* Batch normalization and standardized images, with a good
#   optimizer, helped to learn nearly every wrong label by heart, and did not raise the validation
#   accuracy clearly (section 4). Batch normalization on raw images does the same, with each of five
#   seeds in the tests of this course.
# - *"Change one thing at a time."* Good for a diagnosis; but the gains found so need not add up
#   (section 4: these two gave seven points less than their sum, on average over many seeds, though
#   not with each), and the best cure alone need not be the most important part of the whole
#   (your ablation).
# - *"Training accuracy should be near 100 %."* Not on labels of which a fifth is wrong: a perfect
#   network has 80 % (section 1).
#
# ## References
#
# - A. Karpathy (2019). A recipe for training neural networks. Blog post.
# - R. Meyes, M. Lu, C. W. de Puiseau, T. Meisen (2019). Ablation studies in artificial neural
#   networks. arXiv:1901.08644.
# - C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals (2017). Understanding deep learning requires
#   rethinking generalization. *ICLR*.
# - X. Bouthillier et al. (2021). Accounting for variance in machine learning benchmarks. *MLSys*.
# - E. Alpaydin, C. Kaynak (1998). Optical recognition of handwritten digits. *UCI Machine Learning
#   Repository*.

# %%
progress("11")
