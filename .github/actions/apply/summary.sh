#!/usr/bin/env bash
# The job's summary: the report, who allowed what for this run, and how to allow what was refused.
# shellcheck disable=SC2016 # backticks of Markdown, in single quotes
set -euf

[ ! -f "$REPORT" ] || cat "$REPORT" >>"$GITHUB_STEP_SUMMARY"
if [ -n "$ARGUMENTS" ]; then
  # In code, where no renderer reads markup; a backtick would end it.
  printf '\nLimits for this run, by `%s`: `%s`\n' "${GITHUB_ACTOR//\`/}" "${ARGUMENTS//\`/}" >>"$GITHUB_STEP_SUMMARY"
elif [ "$OUTCOME" = failure ] && grep -q 'Refused\|refused' "$REPORT" 2>/dev/null; then
  printf '\nRefused? Somebody who may run workflows can allow it once: Actions > apply > Run workflow, with %s.\n' \
    'limits such as `--max-deletes 2`' >>"$GITHUB_STEP_SUMMARY"
fi
