"""Where things are kept: one schema, two engines, one writer."""
