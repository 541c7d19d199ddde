#!/usr/bin/env bash
# Writes the summary, keeps the issue, and ends as drift did.
set -uo pipefail

cat "$REPORT" >>"$GITHUB_STEP_SUMMARY"
voicectl ci issue "$REPORT" --exit-code "$CODE" || exit
if [ "$CODE" = 2 ] && [ "$FAIL" != true ]; then
  exit 0
fi
exit "$CODE"
