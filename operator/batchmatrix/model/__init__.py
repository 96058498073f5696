"""The vocabulary that rooms share: the API, and what one stage hands to the next. Data, no behaviour of a stage."""
