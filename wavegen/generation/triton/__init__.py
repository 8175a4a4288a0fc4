"""The engine for CUDA devices: a kernel that draws many samples in each launch."""
