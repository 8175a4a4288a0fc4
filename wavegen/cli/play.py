"""Sound on a loudspeaker."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wavegen.errors import WavegenError

if TYPE_CHECKING:
    from wavegen.utterance import Audio

PLAYERS = {
    "aplay": "aplay -q -r {rate} -f S16_LE",
    "paplay": "paplay --raw --rate={rate} --channels=1 --format=s16le",
    "pw-play": "pw-play --rate={rate} --channels=1 --format=s16 -",
    "ffplay": "ffplay -nodisp -autoexit -f s16le -ar {rate} -i -",
    "play": "play -q -t raw -r {rate} -e signed -b 16 -c 1 -",
}
"""Programs that play what `wavegen synth --raw` writes."""


def loudspeaker(rate: int) -> Any:
    """An open stream of sounddevice for mono sound at ``rate`` Hz, of 32-bit floats.

    Raises:
        WavegenError: sounddevice or its library is missing, which names a player to pipe into
            instead; or there is no loudspeaker.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as e:  # PortAudio is missing
        player = next((p for p in PLAYERS if shutil.which(p)), "aplay")
        raise WavegenError(
            "--play needs sounddevice (pip install 'wavegen[play]') and PortAudio; or pipe into a "
            f"player: wavegen synth … --raw | {PLAYERS[player].format(rate=rate)}"
        ) from e
    try:
        return sounddevice.OutputStream(samplerate=rate, channels=1, dtype="float32")
    except sounddevice.PortAudioError as e:
        raise WavegenError(f"--play: no loudspeaker takes {rate} Hz: {e}") from e


def play(pieces: Iterable[Audio], stream: Any) -> None:
    """Play sound while it is being made, to its end."""
    with stream:
        for piece in pieces:
            stream.write(piece.reshape(-1, 1))
