"""From a model's raw score to a calibrated chance of being right, and thresholds with a promise. Pure."""

from handrail.calibration.sources import agreement, mean_of_members, sample_share, self_rating, token_confidence

__all__ = ["agreement", "mean_of_members", "sample_share", "self_rating", "token_confidence"]
