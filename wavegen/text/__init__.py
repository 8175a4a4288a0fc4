"""Text to words and marks by rules, and words to phonemes with espeak-ng."""

from wavegen.text.espeak import LANGUAGE as LANGUAGE
from wavegen.text.espeak import phonemes as phonemes
from wavegen.text.lexicon import EMPTY as EMPTY
from wavegen.text.lexicon import Lexicon as Lexicon
from wavegen.text.lexicon import load_lexicon as load_lexicon
from wavegen.text.markup import Direction as Direction
from wavegen.text.markup import direction as direction
from wavegen.text.markup import is_direction as is_direction
from wavegen.text.markup import without_directions as without_directions
from wavegen.text.normalisation import FEW as FEW
from wavegen.text.normalisation import MARKS as MARKS
from wavegen.text.normalisation import complete_sentences as complete_sentences
from wavegen.text.normalisation import normalise as normalise
from wavegen.text.raw import STRESS as STRESS
from wavegen.text.raw import raw_phonemes as raw_phonemes
from wavegen.text.scripts import split_scripts as split_scripts
