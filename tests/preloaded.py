"""What `forks` imports besides the program: parts of librosa."""

from wavegen.audio.librosa_cache import one_process_compiles

with one_process_compiles("core.pitch"):
    import librosa.core.pitch  # noqa: F401
