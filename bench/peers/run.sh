#!/usr/bin/env bash
# Every peer, alone and with 64 callers: bash bench/peers/run.sh VENV DIRECTORY [SECONDS]
# DIRECTORY lies on the disk to be measured. Prints one JSON line a row.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${1:?usage: run.sh VENV DIRECTORY [SECONDS]}/bin/python
directory=${2:?usage: run.sh VENV DIRECTORY [SECONDS]}
seconds=${3:-4}
for peer in langgraph_sqlite langgraph_postgres dbos_signal procrastinate_queue pgqueuer_queue; do
    for callers in 1 64; do
        rm -rf "$directory/$peer"
        timeout 120 "$python" "$here/$peer.py" "$directory/$peer" --callers "$callers" --seconds "$seconds"
        rm -rf "$directory/$peer"
    done
done
