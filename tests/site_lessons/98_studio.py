# %% [markdown]
# # 98 A studio
#
# The *first* paragraph, with $\sigma^2$ in it.
#
# Words: see the [glossary](99_glossary.ipynb#Glossary) or [below](#Tables).
#
# ## Formulas $\sqrt{n}$
# $$\mathbb{E}\Big\|z\Big\| = \arg\min_w \underbrace{\sum_{i=1}^{n} w_i^2}_{\text{all}}$$
#
# - in a list: $\operatorname{Var}(w)$
#
# <details><summary>Hint 1</summary>
#
# $a = \log b$
# </details>
#
# ## Tables
#
# | a rather long head of a column | another rather long head of it | the third of its kind |
# |---|---|---|
# | $1/n$ | `a_rather_long_name(with, arguments)` | another_name_that_does_not_break |
# %%
from matplotlib import pyplot as plt

from helpers import claim, explore, plots, predict

a_long_line = "that does not fit on a page of eight hundred pixels; it has to scroll by itself"
claim("the measured number", 0.83, low=0.6, high=1.4)
# %%
predict("Is $x^2$ positive?", ["yes", "not at $0$"], answer=1, because="At $x = 0$ it is `0`.")
# %%
fig, ax = plt.subplots(figsize=(8, 2))
ax.plot([0, 1])
plots.show(fig, alt="A line that rises.")
# %%
fig, ax = plt.subplots(figsize=(6.4, 1.6))
(line,) = ax.plot([0, 1], [0, 1])
ax.set_ylim(0, 1)


def update(height, color, style, thick):
    line.set_ydata([0, height])
    line.set_color(color)
    line.set_linestyle({"solid": "-", "dashed": "--"}.get(style, ":"))
    line.set_linewidth(6 if thick else 2)
    return line


explore(
    fig,
    update,
    height=(0.0, 1.0, 0.5),
    color=["blue", "red"],
    style=["solid", "dashed", *(f"dots that have a long name {i}" for i in range(4))],
    thick=False,
    labels={"height": "its height"},
    alt=lambda height, color, style, thick: (
        f"A {style} {color} line up to {height:g}{', thick' if thick else ''}."
    ),
)
