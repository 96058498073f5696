"""BatchMatrix: one workload under a grid of conditions, on Kubernetes, with a verdict."""
