"""Audio files, companding, features, and linear prediction with its synthesis filter."""
