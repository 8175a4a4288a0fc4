"""Text and timing to local features."""

from wavegen.speech.phones import phone_channels

FEATURES = {"phones": phone_channels}
"""Channels of each kind of local features, given the number of phoneme symbols."""
