"""From a model's raw score to a calibrated chance of being right, and thresholds with a promise. Pure."""
