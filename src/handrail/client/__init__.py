"""One client, two ways to reach the control plane: in process, and over HTTP."""
