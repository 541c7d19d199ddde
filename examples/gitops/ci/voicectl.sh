#!/usr/bin/env bash
# The loop for GitLab, and for any other CI that has Git and a shell: ci/voicectl.sh plan | apply | drift
#
# Reads FISH_API_KEY (apply, drift), VOICECTL_ENV and, for a project in a subdirectory, VOICECTL_CHDIR. BRANCH is the
# branch that is applied. Where no hosting is recognised, reports stay files, and the remote `origin` takes the lockfile.
set -euo pipefail

branch="${BRANCH:-${CI_DEFAULT_BRANCH:-main}}"
here="$PWD"

report() { # report KIND FILE CODE: a comment or an issue, where the hosting is known
  if [ "${GITLAB_CI:-}" = true ] || [ "${GITHUB_ACTIONS:-}" = true ]; then
    voicectl ci "$1" "$2" --exit-code "$3"
  fi
}

case "${1:-}" in
  plan)
    code=0
    voicectl plan --offline --detailed-exitcode --report "markdown=$here/voicectl-plan.md" || code=$?
    if [ "${GITLAB_CI:-}" = true ] && [ "$code" != 1 ]; then
      voicectl ci check-lockfile --format markdown >>voicectl-plan.md
    fi
    report comment "$here/voicectl-plan.md" "$code"
    [ "$code" = 2 ] || exit "$code"
    ;;
  apply)
    # In a checkout that is used again: a lockfile that an earlier run could not push goes first.
    voicectl ci push-lockfile --into "$branch"
    # The tip of the branch: this run may have waited for another, and an old commit must not be applied.
    git fetch --quiet origin "$branch"
    git checkout --quiet --force --detach FETCH_HEAD
    code=0
    voicectl apply --yes --lock-timeout 600 || code=$?
    # Whatever the exit code: ids are recorded also by an apply that failed.
    voicectl ci push-lockfile --into "$branch"
    exit "$code"
    ;;
  drift)
    code=0
    voicectl drift --report "markdown=$here/voicectl-drift.md" --report "junit=$here/voicectl-drift.xml" || code=$?
    report issue "$here/voicectl-drift.md" "$code"
    exit "$code"
    ;;
  *)
    echo "usage: $0 plan|apply|drift" >&2
    exit 1
    ;;
esac
