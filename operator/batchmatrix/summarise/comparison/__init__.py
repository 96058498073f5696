"""Each cell against its baseline: what has been shown, and what could not be. Pure; takes scipy, so import it late."""
