#!/bin/sh
# Make a virtual environment with pip: virtual_environment.sh PYTHON FOLDER. Says what is missing, and how to mend it.
set -eu
python=$1
folder=$2

if ! command -v "$python" >/dev/null 2>&1; then
  echo "setup: no $python on PATH: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12 setup" >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "setup: $("$python" --version) is too old: Python 3.11 or newer is needed; name one: make PYTHON=python3.12 setup" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && [ -n "${CI:-}" ] && command -v apt-get >/dev/null 2>&1; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  (apt-get update && apt-get install --yes "python$version-venv") >&2 || true
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "setup: $python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
  exit 1
fi
[ -x "$folder/bin/python" ] && "$folder/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$folder"
