"""For tests of handrail itself, of a store that wants to be one of its engines, and of programs that use it."""

from handrail.clock import FakeClock
from handrail.testing.lifecycle_contract import LifecycleContract
from handrail.testing.rig import Rig

__all__ = ["FakeClock", "LifecycleContract", "Rig"]
