"""Text, alignment and timing: from phonemes to local features."""
