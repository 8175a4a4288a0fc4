"""The networks: WaveNet as a pure parallel forward, and the acoustic model of speech."""
