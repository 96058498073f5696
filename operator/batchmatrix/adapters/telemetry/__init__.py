"""What the process says of itself: log lines, counts and the clock it goes by."""
