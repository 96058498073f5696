"""The results of all trials made into one summary and a verdict. Pure."""
