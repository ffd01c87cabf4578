#!/bin/sh
# sh install.sh FOLDER: put Tocsin into an environment of its own in FOLDER, from the wheels beside this file. Needs Python, no network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:?"name the folder to install into, such as /opt/tocsin"}
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
lock=$here/requirements-$version.txt
[ -f "$lock" ] || { echo "install.sh: no wheels for Python $version here; name another: PYTHON=python3.13 sh install.sh $to" >&2; exit 1; }
# pip runs from its own wheel: Debian splits it off. Each wheel must have its hash of the lock.
"$python" -m venv --without-pip "$to"
set -- "$here"/pip-*.whl
"$python" "$1/pip" --quiet --python "$to/bin/python" --isolated --disable-pip-version-check install \
  --no-index --find-links "$here/wheels" --require-hashes --requirement "$lock"
"$to/bin/tocsin" version
