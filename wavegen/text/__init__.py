"""Text to words and marks by rules, and words to phonemes with espeak-ng."""

from wavegen.text.espeak import LANGUAGE as LANGUAGE
from wavegen.text.espeak import phonemes as phonemes
from wavegen.text.normalisation import FEW as FEW
from wavegen.text.normalisation import MARKS as MARKS
from wavegen.text.normalisation import normalise as normalise
from wavegen.text.raw import STRESS as STRESS
from wavegen.text.raw import raw_phonemes as raw_phonemes
