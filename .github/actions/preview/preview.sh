#!/usr/bin/env bash
# Writes the page. Recordings that are Git LFS pointers in the checkout are fetched for it, and no others.
set -ufo pipefail

directory="$(mktemp -d "$RUNNER_TEMP/voicectl-preview.XXXXXX")" || exit
set -- --out "$directory/page"
[ "$PUBLIC" != true ] || set -- "$@" --public
[ "$ALL" != true ] || set -- "$@" --all
[ -z "$DRIFT" ] || set -- "$@" --drift "$DRIFT"
voicectl preview "$@" || exit
printf 'directory=%s\n' "$directory/page" >>"$GITHUB_OUTPUT"
