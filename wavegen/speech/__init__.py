"""Text and timing to local features."""

from wavegen.speech.phones import phone_channels, phone_features

FEATURES = {"phones": (phone_channels, phone_features)}
