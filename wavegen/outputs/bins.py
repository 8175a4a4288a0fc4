"""Numbers that distributions and compiled engines share. Nothing is imported here, so that engines
are not compiled anew with every change elsewhere."""

from enum import IntEnum

LEVELS = 65536
"""Codes of the mixtures."""
WIDTH = 2 / LEVELS
"""Width of a bin; that of code c is centred on (c - LEVELS / 2) · WIDTH."""
FLOOR = -11.0
"""Least log scale: half a bin. A narrower one has no effect but larger gradients."""
MEAN, SCALE = 2.0**-5, -4.0
"""Outputs of the head are multiplied by MEAN to give means, and added to SCALE to give log scales:
those of usual sound, so that steps of the optimiser are small. With 1 and 0, training diverges at
learning rates that suit the categorical output."""
END = -7.0
"""Added to the head's output for the end of a clip to give its log odds: about one in a thousand,
so that the first steps of training are not all about this."""
NARROW = 1e-12
"""Replaces a scale of 0, at temperature 0."""


class Sampler(IntEnum):
    """How a compiled engine draws a sample: an integer, since compiled code knows no classes."""

    CATEGORICAL = 0
    LOGISTIC_MIXTURE = 1
    GAUSSIAN_MIXTURE = 2
