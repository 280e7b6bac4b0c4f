"""Active learning through the control plane: choose, ask people, train, measure, and again, until it stops paying."""
