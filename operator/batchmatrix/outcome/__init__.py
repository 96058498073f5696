"""How an attempt ended, from all the evidence about it, and whether it is started again. Pure."""
