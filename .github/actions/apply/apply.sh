#!/usr/bin/env bash
# Applies. Ends as `voicectl apply` does; the steps after this one look after lockfile and summary.
set -euf

directory="$(mktemp -d "$RUNNER_TEMP/voicectl-apply.XXXXXX")"
report="$directory/apply.md"
printf 'report=%s\n' "$report" >>"$GITHUB_OUTPUT"
# shellcheck disable=SC2086 # words, split at spaces; globs are off
exec voicectl apply --yes --lock-timeout 600 --report "markdown=$report" $ARGUMENTS
