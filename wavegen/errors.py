"""The exceptions that wavegen raises. A message is one line that names the file, flag or field."""


class WavegenError(Exception):
    """Base class of all errors caused by input; the command line prints them and exits with 2."""


class ConfigError(WavegenError):
    """A recipe or ``--set`` override is invalid; the message lists every fault."""


class DataError(WavegenError):
    """A recording or a folder of recordings can't be used."""


class TextError(WavegenError):
    """A text can't be spoken."""


class VoiceError(WavegenError):
    """A voice, a speaker or a voice file is missing or broken."""


class TrainingError(WavegenError):
    """Training can't start or continue."""


def counted(count: int, noun: str) -> str:
    """A number and its noun for a message: ``1 clip``, ``1,200 clips``."""
    return f"{count:,} {noun}" + "s" * (count != 1)
