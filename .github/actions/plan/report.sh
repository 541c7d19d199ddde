#!/usr/bin/env bash
# Flags edits of the lockfile, writes summary and comment, and ends as the plan did: changes are no failure.
set -uo pipefail

edits=0
if [ "${GITHUB_EVENT_NAME#pull_request}" != "$GITHUB_EVENT_NAME" ] && [ "$CODE" != 1 ]; then
  set -- --format markdown
  [ "$LOCKFILE_EDITS" != fail ] || set -- "$@" --strict
  voicectl ci check-lockfile "$@" >>"$REPORT"
  edits=$?
fi
cat "$REPORT" >>"$GITHUB_STEP_SUMMARY"

voicectl ci comment "$REPORT" --exit-code "$CODE" || exit

case $CODE in
  0 | 2) exit "$edits" ;;
  *) exit "$CODE" ;;
esac
