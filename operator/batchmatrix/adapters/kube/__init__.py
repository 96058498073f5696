"""The Kubernetes API server: a thin client, reflectors of Jobs, pods and nodes, and what acts through it."""
