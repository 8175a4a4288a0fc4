"""The voices of a server: those given at its start, and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wavegen.errors import VoiceError
from wavegen.library import SpeakerInfo, bundled, load_voice, read_about, speaker_infos
from wavegen.speakers import UnknownSpeakerError, find_speakers
from wavegen.voice import SpeakingVoice


@dataclass(frozen=True)
class Voices:
    """Voices by name, the default one first."""

    all: dict[str, SpeakingVoice]

    @staticmethod
    def load(names: Sequence[str] = ()) -> Voices:
        """Load voices.

        Args:
            names: bundled voices, or voice files (default: the bundled ones that speak texts).

        Raises:
            VoiceError: there is no such voice, it speaks no texts, or two have one name.
        """
        if not names:
            names = [name for name, file in bundled().items() if read_about(file)["symbols"]]
        loaded = [load_voice(name) for name in names]
        for voice in loaded:
            if not isinstance(voice, SpeakingVoice):
                raise VoiceError(f"voice {voice.name} speaks no texts: it can't be served")
        twice = [name for name, n in Counter(v.name for v in loaded).items() if n > 1]
        if twice:
            raise VoiceError(f"two voices are called {twice[0]}")
        if not loaded:
            raise VoiceError("no voice is bundled: give --voice FILE")
        return Voices({v.name: v for v in loaded if isinstance(v, SpeakingVoice)})

    @property
    def default(self) -> SpeakingVoice:
        return next(iter(self.all.values()))

    def find(self, name: str | None, model: str | None = None) -> tuple[SpeakingVoice, str | None]:
        """A voice, and which speaker of it speaks.

        Args:
            name: of a voice, a speaker or a mix of speakers, or ``VOICE/SPEAKER`` (default: the
                default voice).
            model: a voice's name, which ``name`` then adds the speaker to; others mean nothing.

        Raises:
            VoiceError: there is none of that name.
        """
        if model in self.all:
            voice = self.all[model]
            if name in (None, model):
                return voice, None
            prefix = f"{model}/"
            return voice, self._speaker(voice, str(name).removeprefix(prefix))
        if name is None:
            return self.default, None
        if name in self.all:
            return self.all[name], None
        first, slash, speaker = name.partition("/")
        if slash and first in self.all:
            return self.all[first], self._speaker(self.all[first], speaker)
        for voice in self.all.values():
            try:
                find_speakers(voice.speakers, name, by_id=False)
            except UnknownSpeakerError:
                continue
            return voice, name
        raise VoiceError(f"no voice or speaker '{name[:80]}': choose from {', '.join(self.names)}")

    @staticmethod
    def _speaker(voice: SpeakingVoice, speaker: str) -> str:
        voice.who(speaker)
        return speaker

    @property
    def names(self) -> list[str]:
        """All voices, and the speakers of those that have several."""
        return [
            name
            for voice in self.all.values()
            for name in (voice.name, *(f"{voice.name}/{s}" for s in several(voice)))
        ]


def several(voice: SpeakingVoice) -> tuple[str, ...]:
    """The speakers of a voice that has more than one."""
    return voice.speakers if len(voice.speakers) > 1 else ()


def infos(voice: SpeakingVoice) -> list[SpeakerInfo]:
    """What is known of the speakers of a voice."""
    return speaker_infos(voice.speakers, voice.config.data, voice.training)
