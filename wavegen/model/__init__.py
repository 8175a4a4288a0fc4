"""The networks: WaveNet as a pure parallel forward, and durations from phonemes."""
