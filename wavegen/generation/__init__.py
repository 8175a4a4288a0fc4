"""Engines: ways to draw samples from a WaveNet one after the other.

Every engine is a function with the signature of `naive.generate`; given the same uniforms they
make the same sequence up to the first floating-point tie.
"""

from wavegen.generation import cached, naive

ENGINES = {"naive": naive.generate, "cached": cached.generate}
