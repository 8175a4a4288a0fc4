"""Text and timing to local features."""
