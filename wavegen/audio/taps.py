"""What a network is given of linear prediction. Nothing is imported here, so that engines are not
compiled anew with every change elsewhere."""

TAPS = 5
"""Samples of the excitation around one period ago that the network is given."""
INPUTS = 2 + TAPS + 1
"""Numbers that `Predictor.inputs` computes for each sample."""
COMPRESSION = 16.0
"""Amplitudes that the network is given are compressed to sign(a) · log(1 + COMPRESSION · |a|)."""
