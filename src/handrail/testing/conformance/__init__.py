"""The conformance list: what the adapter of every agent framework passes, behaviour by behaviour."""

import pytest

# a promise that is broken says what it found
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("approved", "once", "parallel", "refusing", "scene", "stage", "waking"))
)

from handrail.testing.conformance.cells import CELLS  # noqa: E402
from handrail.testing.conformance.contract import AdapterContract  # noqa: E402
from handrail.testing.conformance.harness import REGULAR, Harness, Message  # noqa: E402
from handrail.testing.conformance.scene import Scene  # noqa: E402
from handrail.testing.conformance.script import ModelCall, Script  # noqa: E402

__all__ = ["CELLS", "REGULAR", "AdapterContract", "Harness", "Message", "ModelCall", "Scene", "Script"]
