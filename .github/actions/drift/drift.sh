#!/usr/bin/env bash
# Audits. What was found is the report's to say: this fails only where there is none.
set -ufo pipefail

directory="$(mktemp -d "$RUNNER_TEMP/voicectl-drift.XXXXXX")" || exit
# shellcheck disable=SC2086 # words, split at spaces; globs are off
voicectl drift --report "markdown=$directory/drift.md" --report "sarif=$directory/drift.sarif" \
  --report "json=$directory/drift.json" $ARGUMENTS
code=$?

printf 'exit-code=%s\nreport=%s\n' "$code" "$directory/drift.md" >>"$GITHUB_OUTPUT"
case $code in
# What a run that failed has to say holds no results, and would close the alerts of the last one.
0 | 2) printf 'sarif=%s\njson=%s\n' "$directory/drift.sarif" "$directory/drift.json" >>"$GITHUB_OUTPUT" ;;
esac
[ -f "$directory/drift.md" ] || exit "$code"
