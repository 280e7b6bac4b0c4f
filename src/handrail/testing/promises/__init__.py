"""What the lifecycle promises, verb by verb, as tests that any engine must pass."""
