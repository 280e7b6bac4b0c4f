"""One module per framework. Each speaks to `handrail.client` only and is the only one that imports its framework."""
