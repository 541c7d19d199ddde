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
if [ -n "$PREVIEW" ] && { [ "$CODE" = 2 ] || [ "$CODE" = 3 ]; }; then
  run="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
  # shellcheck disable=SC2016 # backquotes of Markdown
  printf '\nTo look at and listen to: the artifact `%s` of [this run](%s#artifacts).\n' "$PREVIEW" "$run" >>"$REPORT"
fi
cat "$REPORT" >>"$GITHUB_STEP_SUMMARY"

voicectl ci comment "$REPORT" --exit-code "$CODE" || exit

case $CODE in
  0 | 2) exit "$edits" ;;
  *) exit "$CODE" ;;
esac
