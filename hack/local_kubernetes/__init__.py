"""A real Kubernetes on one Linux machine, without Docker: what stands behind ``hack/cluster``.

Only the standard library is used, because the command has to work before any
virtual environment exists.
"""
