"""Checks, gates and the verdict of a complete matrix. Pure, but slow to import: it takes scipy."""
