"""A container's log, from what the API server sends to sealed chunks: times, resumption, limits. Pure."""
