"""Engines: ways to draw samples from a WaveNet one after the other.

Every engine is a function with the signature of `naive.generate`; from the same jobs they make the
same sequences up to the first floating-point tie.
"""

from wavegen.generation import cached, naive
from wavegen.generation.numba import engine

ENGINES = {"naive": naive.generate, "cached": cached.generate, "numba": engine.generate}
