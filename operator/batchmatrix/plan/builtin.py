"""The catalog that is always there. Entries are few: what they do must be true everywhere, for ever."""

from __future__ import annotations

from batchmatrix.model.catalog import NO_MITIGATION
from batchmatrix.model.v1alpha1 import Entries, Environment, Hardware, Mitigation

__all__ = ["BUILT_IN"]

BUILT_IN = Entries(
    mitigations={
        NO_MITIGATION: Mitigation(description="Changes nothing."),
        # NVIDIA: CUDA C++ Programming Guide, environment variables.
        "cuda-launch-blocking": Mitigation(
            description="CUDA kernels are launched one by one, so that an error shows where it is made.",
            env={"CUDA_LAUNCH_BLOCKING": "1"},
        ),
        # NVIDIA: cuBLAS and cuDNN documentation, NVIDIA_TF32_OVERRIDE.
        "tf32-off": Mitigation(
            description="NVIDIA's libraries do not use TF32 in place of FP32.", env={"NVIDIA_TF32_OVERRIDE": "0"}
        ),
        # AMD: HIP documentation, debugging environment variables.
        "hip-launch-blocking": Mitigation(
            description="HIP kernels are launched one by one.", env={"HIP_LAUNCH_BLOCKING": "1"}
        ),
        # AMD: ROCm documentation, environment variables of the runtime.
        "sdma-off": Mitigation(description="Copies do not use AMD's SDMA engines.", env={"HSA_ENABLE_SDMA": "0"}),
        # NCCL (and RCCL, which reads the same names): user guide, environment variables.
        "nccl-ring": Mitigation(description="NCCL and RCCL use the ring algorithm.", env={"NCCL_ALGO": "Ring"}),
        "nccl-tree": Mitigation(description="NCCL and RCCL use the tree algorithm.", env={"NCCL_ALGO": "Tree"}),
        "nccl-p2p-off": Mitigation(
            description="NCCL and RCCL do not copy from GPU to GPU directly.", env={"NCCL_P2P_DISABLE": "1"}
        ),
        "nccl-ib-off": Mitigation(description="NCCL and RCCL do not use InfiniBand.", env={"NCCL_IB_DISABLE": "1"}),
    },
    environments={"local": Environment(description="The workload's own image, with nothing added.")},
    hardware={"cpu": Hardware(description="Any node, no device.")},
)
"""Mitigations, an environment and a kind of node that need no catalog."""
