# %% [markdown]
# # 01 Initialization

# %%
import numpy as np

from helpers import check

# %% exercise="01.1"
def init_std(scheme, fan_in, fan_out):
    """The standard deviation of the weights."""
    ### BEGIN SOLUTION
    variance = {"lecun": 1 / fan_in, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    return variance[scheme] ** 0.5
    ### END SOLUTION

# %% check="01.1"
check("01.1", init_std)

# %% [markdown] written="01.w"
# ### BEGIN SOLUTION
# sample
# ### END SOLUTION
