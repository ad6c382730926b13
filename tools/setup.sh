#!/bin/sh
# Finds a Python of 3.11 or newer and hands over to tools/setup.py.
# Override with: PYTHON=/path/to/python make setup
# Training needs torch; on Linux pip takes its build for CUDA, unless it is told of another index, as in
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make setup
set -u
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "$new_enough" >/dev/null 2>&1; then
        exec "$python" tools/setup.py "$@"
    fi
done
found=$(python3 --version 2>/dev/null || echo "no python3 at all")
echo "setup: modelwright needs Python 3.11 or newer; found: ${PYTHON:-$found}" >&2
echo "setup: install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)" >&2
echo "setup: or name one: PYTHON=/path/to/python3.11 make setup" >&2
exit 1
