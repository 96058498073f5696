"""Builds the project's container images and brings them into the local cluster.

It needs Python and nothing that a virtual environment would have to bring.
"""
