"""The process in the cluster: kopf's watch of matrices, the work queue, the lease and the probes."""
