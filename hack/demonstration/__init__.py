"""`make demo`: the first example from an empty machine to its result, with every claim checked."""
