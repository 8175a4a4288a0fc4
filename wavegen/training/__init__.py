"""Training: a data set and a configuration to a voice."""
