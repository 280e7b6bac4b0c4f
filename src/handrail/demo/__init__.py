"""The demo: three kinds of proposers, people at their desks, and what must hold afterwards."""
