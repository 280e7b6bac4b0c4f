"""The process in which an adapter goes on with what another one parked; `elsewhere` starts it."""

from handrail.testing.conformance.elsewhere import main

if __name__ == "__main__":
    main()
