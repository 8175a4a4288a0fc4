"""Text to words and marks by rules, and words to phonemes with espeak-ng."""

from wavegen.text.espeak import LANGUAGE as LANGUAGE
from wavegen.text.espeak import phonemes as phonemes
from wavegen.text.raw import STRESS as STRESS
from wavegen.text.raw import raw_phonemes as raw_phonemes
from wavegen.text.reading import FEW as FEW
from wavegen.text.reading import MARKS as MARKS
from wavegen.text.reading import normalise as normalise
