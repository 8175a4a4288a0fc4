"""The engine for CPUs: the whole step of a sample in one compiled function."""
