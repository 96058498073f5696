"""What the process says of itself: log lines and the clock it goes by."""
