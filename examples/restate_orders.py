"""A Restate service that orders paper, and pays only once a person has let it through.

pip install "handrail[restate]"; npm install @restatedev/restate-server
python examples/restate_orders.py --auto      a scripted reviewer corrects the amount
python examples/restate_orders.py             you are the reviewer: `handrail serve --database orders.db` beside it

It starts a Restate server: RESTATE_SERVER, that of node_modules, or that on the PATH.
"""

import argparse
import atexit
import os
import subprocess
import threading
import time
from pathlib import Path

import httpx2
import restate
import uvicorn

import handrail
from handrail.integrations.restate import gate, waker

POLICY = """escalation_policies:
  - {action_type: pay, autonomy: confirm, sla_seconds: 3600, undo_seconds: 0}"""
INGRESS, ADMIN, SERVICE = "127.0.0.1:18080", "127.0.0.1:19070", "127.0.0.1:19080"
HOW = {"port": 19080, "lifespan": "off", "log_level": "error"}


def pay(to: str, amount: int) -> str:
    print(f"paid {amount} to {to}")
    return f"receipt for {amount}"


def service(hr: handrail.Client) -> object:
    shop, gated = restate.Service("shop"), gate(hr, [pay])

    @shop.handler()
    async def order(ctx: restate.Context, sheets: int) -> str:
        # Restate suspends this handler until people have decided, and replays it after any crash
        return str(await gated.call(ctx, "pay", {"to": "Bose Paper Mills", "amount": sheets * 2}))

    return restate.app([shop])


def server(data: Path) -> None:
    local = next(Path().glob("node_modules/@restatedev/restate-server-*/bin/restate-server"), "restate-server")
    settings = {"LOG_FILTER": "error,octocrab=off", "DISABLE_TELEMETRY": "true", "BIND_ADDRESS": "127.0.0.1:15122"}
    settings |= {"INGRESS__BIND_ADDRESS": INGRESS, "ADMIN__BIND_ADDRESS": ADMIN}
    command = [os.environ.get("RESTATE_SERVER", local), "--base-dir", data, "--no-logo", "--listen-mode", "tcp"]
    running = subprocess.Popen(command, env=os.environ | {f"RESTATE_{name}": value for name, value in settings.items()})
    atexit.register(running.terminate)


def main() -> None:
    parser = argparse.ArgumentParser(description="A service that asks before it pays.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="orders.db", type=Path)
    given = parser.parse_args()
    http = httpx2.Client(transport=httpx2.HTTPTransport(retries=9), timeout=None)
    server(given.database.parent / "restate")
    with handrail.open(given.database, policy=POLICY) as hr:
        waking = waker(hr, f"http://{INGRESS}").start()
        threading.Thread(target=uvicorn.run, args=(service(hr),), kwargs=HOW, daemon=True).start()
        http.get(f"http://{SERVICE}/health")
        http.post(f"http://{ADMIN}/deployments", json={"uri": f"http://{SERVICE}", "use_http_11": True})
        sent = http.post(f"http://{INGRESS}/shop/order/send", json=250).json()["invocationId"]
        while given.auto and (held := hr.desk("Asha").next()) is None:
            time.sleep(0.1)
        if given.auto:
            print(f"the handler is suspended, case {held.case_id} waits")
            held.edit({"to": "Bose Paper Mills", "amount": 450})
        print(http.get(f"http://{INGRESS}/restate/invocation/{sent}/attach").json())
        waking.stop()


if __name__ == "__main__":
    main()
