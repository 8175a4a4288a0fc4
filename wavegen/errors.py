"""The errors a user can meet. Each message is one line that names the file, flag or field."""


class WavegenError(Exception):
    """Root of every error that wavegen raises on purpose; the command line prints it, exit 2."""


class ConfigError(WavegenError):
    """A recipe or a ``--set`` override is wrong; the message lists every fault."""


class DataError(WavegenError):
    """A recording or a folder of recordings can't be used."""


class TextError(WavegenError):
    """A text can't be spoken."""


class VoiceError(WavegenError):
    """A voice, a speaker or a voice file is missing or broken."""


class TrainingError(WavegenError):
    """Training can't start or can't go on."""
