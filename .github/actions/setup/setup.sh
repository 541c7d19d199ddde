#!/usr/bin/env bash
# Installs voicectl into a directory of the runner, and puts that one command on the PATH.
#
# Python runs isolated (-I): with -m it would otherwise look for modules in the checkout first, which may be a stranger's.
set -euo pipefail

if [ -n "$VERSION" ] && [ -z "$SHA256" ]; then
  echo "::error::version $VERSION needs sha256, too: the hash of its wheel, as the release names it"
  exit 1
fi

home="$RUNNER_TEMP/voicectl"
"$PYTHON" -I -m venv --clear "$home/venv"
install() { "$home/venv/bin/python" -I -m pip install --disable-pip-version-check --no-input --quiet "$@"; }

install --require-hashes --only-binary :all: --requirement "$GITHUB_ACTION_PATH/requirements.txt"
if [ -n "$VERSION" ]; then
  printf 'voicectl==%s --hash=sha256:%s\n' "$VERSION" "$SHA256" >"$home/voicectl.txt"
  install --no-deps --only-binary :all: --require-hashes --requirement "$home/voicectl.txt"
else
  # The commit that the workflow pins is the hash of this source.
  install --no-deps --no-index --no-build-isolation "$GITHUB_ACTION_PATH/../../.."
fi

mkdir -p "$home/bin"
ln -sf "$home/venv/bin/voicectl" "$home/bin/voicectl"
echo "$home/bin" >>"$GITHUB_PATH"
"$home/bin/voicectl" --version
