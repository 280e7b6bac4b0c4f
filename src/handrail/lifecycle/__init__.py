"""The verbs: one file each, one transaction each, synchronous, audit entry included."""
