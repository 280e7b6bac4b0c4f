"""Ways out: messages to people and programs. I/O; knows nouns."""
