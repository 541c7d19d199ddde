#!/usr/bin/env bash
# Plans. Whatever comes of it is the report's to say.
set -ufo pipefail

directory="$(mktemp -d "$RUNNER_TEMP/voicectl-plan.XXXXXX")" || exit
report="$directory/plan.md"
set -- --detailed-exitcode --report "markdown=$report"
[ "$LIVE" = true ] || set -- "$@" --offline
# shellcheck disable=SC2086 # words, split at spaces; globs are off
voicectl plan "$@" $ARGUMENTS
code=$?

# A comment that stays from an earlier plan would be taken for this one's.
[ -f "$report" ] || printf '### voicectl plan: failed\n\nThe log of the job says why.\n' >"$report"
printf 'exit-code=%s\nreport=%s\n' "$code" "$report" >>"$GITHUB_OUTPUT"
