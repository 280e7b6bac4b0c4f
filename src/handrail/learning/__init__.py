"""What human answers teach: labels, preferences, batches for training, what to ask next. Pure."""
