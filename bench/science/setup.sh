#!/usr/bin/env bash
# Make the environment of the benchmarks of decision science: bash bench/science/setup.sh DIRECTORY
# The peers are heavy, and none of them is a dependency of handrail.
set -euo pipefail
venv=${1:?usage: setup.sh DIRECTORY}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
HANDRAIL_SKIP_CONSOLE=1 "$venv/bin/python" -m pip install --quiet --editable "$here[ml]"
"$venv/bin/python" -m pip install --quiet \
    "scikit-learn>=1.9" "mapie>=1.6" "netcal>=1.4" "venn-abers>=1.5.4" "scikit-activeml>=1.0.1" "crowd-kit>=1.4.2" \
    "cleanlab>=2.9" "choix>=0.4.1"
"$venv/bin/python" -m pip list 2>/dev/null |
    grep -iE '^(scikit-learn|mapie|netcal|venn.abers|scikit-activeml|crowd-kit|cleanlab|choix|torch) '
