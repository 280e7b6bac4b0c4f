"""Monitors: e-processes that may be looked at after each case. One file a method; states are plain JSON."""
