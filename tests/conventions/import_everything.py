"""Import every module of handrail, and fail if one of them opens a socket. Runs in a process of its own."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import handrail

REACHES_OUT = frozenset({"socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request"})
# each of these modules belongs to one framework and needs it installed
GUESTS = "handrail.integrations."


def refuse_network(event: str, _: tuple[object, ...]) -> None:
    if event in REACHES_OUT:
        raise RuntimeError(f"importing must not touch the network, and it caused {event}")


def main() -> None:
    sys.addaudithook(refuse_network)
    names = [module.name for module in pkgutil.walk_packages(handrail.__path__, "handrail.")]
    wanted = [name for name in names if not name.endswith("__main__") and not name.startswith(GUESTS)]
    for name in wanted:
        importlib.import_module(name)
    print(len(wanted))


if __name__ == "__main__":
    main()
