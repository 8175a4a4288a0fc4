"""Lossless compression with a voice's distribution of the next sample."""
