"""English: numbers, units, abbreviations, addresses and signs as they are read aloud."""
