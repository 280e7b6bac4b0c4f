"""A real Label Studio on SQLite, in a folder and on a port of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

# its first start runs a few hundred migrations: a minute, and on a crowded machine six
READY_SECONDS = 900.0
EMAIL, PASSWORD = "ann@example.com", "correct-horse-battery"
LEGACY = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """Started by `start`, stopped by `stop`; sign-in as a person would do it gives the tokens."""

    def __init__(self, folder: Path):
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._site: httpx2.Client | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        program = shutil.which("label-studio", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if program is None:
            pytest.skip("Label Studio is not installed here")
        environment = os.environ | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self._folder), "DJANGO_DB": "sqlite", "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "0", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "", "HOME": str(self._folder),
            "LABEL_STUDIO_USERNAME": EMAIL, "LABEL_STUDIO_PASSWORD": PASSWORD, "LABEL_STUDIO_USER_TOKEN": LEGACY,
        }  # fmt: skip
        log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [program, "start", "--no-browser", "--port", str(self._port), "--internal-host", "127.0.0.1"],
            cwd=self._folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        log.close()
        self._wait()

    def stop(self) -> None:
        if self._site is not None:
            self._site.close()
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(30)

    def personal_token(self) -> str:
        """A personal access token, made as the account page makes it."""
        answer = self._signed_in().post("/api/token/", headers=self._csrf())
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def allow_legacy_tokens(self) -> str:
        """Let the old kind of token in; that of the first person."""
        body = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
        answer = self._signed_in().post("/api/jwt/settings", json=body, headers=self._csrf())
        assert answer.is_success, answer.text
        return LEGACY

    def _signed_in(self) -> httpx2.Client:
        if self._site is None:
            site = httpx2.Client(base_url=self.url, follow_redirects=True, timeout=60.0)
            form = site.get("/user/login/")
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
            given = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token[1] if token else ""}
            site.post("/user/login/", data=given, headers={"Referer": self.url}).raise_for_status()
            self._site = site
        return self._site

    def _csrf(self) -> dict[str, str]:
        site = self._signed_in()
        return {"X-CSRFToken": site.cookies.get("csrftoken") or "", "Referer": self.url}

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                if httpx2.get(f"{self.url}/health", timeout=5.0).is_success:
                    return
            except httpx2.HTTPError:
                pass
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self._folder / "server.log").read_text()[-3000:])
            threading.Event().wait(0.5)
