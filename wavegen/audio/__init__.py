"""Sound: files, resampling, companding, features, linear prediction and its synthesis filter."""
