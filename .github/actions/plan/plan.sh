#!/usr/bin/env bash
# Plans. Whatever comes of it is the report's to say: this fails only where there is none.
set -ufo pipefail

report="$(mktemp -d "$RUNNER_TEMP/voicectl-plan.XXXXXX")/plan.md"
set -- --detailed-exitcode --report "markdown=$report"
[ "$LIVE" = true ] || set -- "$@" --offline
# shellcheck disable=SC2086 # words, split at spaces; globs are off
voicectl plan "$@" $ARGUMENTS
code=$?

printf 'exit-code=%s\nreport=%s\n' "$code" "$report" >>"$GITHUB_OUTPUT"
[ -f "$report" ] || exit "$code"
