"""handrail: a human-in-the-loop control plane."""
