# %% [markdown]
# # 99 The end
#
# Words.
#
# ## Glossary
#
# Keep: not drop.
