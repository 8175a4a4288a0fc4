"""The command line: one file per command, each parses, calls one function and prints."""

import os

# NumPy reads this when it loads OpenBLAS. Predicting a sentence gains no time by threads there, and
# while they wait for each other they spin, on cores that the engine needs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
