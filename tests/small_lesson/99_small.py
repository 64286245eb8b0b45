# %% [markdown]
# # 99 A small lesson
# %%
import numpy as np

from helpers import check

# %%
SCALE = 2
layers = [int(n) for n in np.linspace(8, 64, 3)]
print("training of the lesson itself runs here")


# %% exercise="99.1"
def he_std(fan_in):
    """The standard deviation of He's weights."""
    ### BEGIN SOLUTION
    return (SCALE / fan_in) ** 0.5
    ### END SOLUTION


# %% check="99.1"
check("99.1", he_std)


# %% exercise="99.2"
def standardize(x, eps):
    """Each column of x (n, features) with mean 0 and variance 1."""
    ### BEGIN SOLUTION
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)
    ### END SOLUTION


# %% check="99.2"
check("99.2", standardize)


# %% exercise="99.3"
def dropout_mask(shape, keep_prob, rng):
    """Ones with probability keep_prob, else zeros."""
    ### BEGIN SOLUTION
    return (rng.random(shape) < keep_prob).astype(float)
    ### END SOLUTION


# %% check="99.3"
check("99.3", dropout_mask)

# %% [markdown] written="99.w"
# ### BEGIN SOLUTION
# Half of a ReLU's inputs are zero.
# ### END SOLUTION
