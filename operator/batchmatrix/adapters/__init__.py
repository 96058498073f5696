"""The only rooms that do I/O. Each fills ports; none knows another."""
