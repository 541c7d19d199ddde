#!/usr/bin/env bash
# The loop for GitLab, and for any other CI that has Git and a shell: ci/voicectl.sh plan | preview | apply [-- LIMITS] | drift
#
# What an apply refused is allowed for one run: ci/voicectl.sh apply -- --max-deletes 2
#
#   FISH_API_KEY       the account's key, for apply and drift
#   VOICECTL_ENV       the environment, where the project has any
#   VOICECTL_CHDIR     the project's directory in the repository, where it is not its top
#   VOICECTL_LOCKFILE  push (default) or branch: how the lockfile gets into Git
#   BRANCH             the branch that is applied (default: main)
#
# Works from the repository's top. Where no hosting is recognised, reports stay files and `origin` takes the lockfile.
set -euo pipefail

branch="${BRANCH:-${CI_DEFAULT_BRANCH:-main}}"
way="${VOICECTL_LOCKFILE:-push}"
here="$PWD"
code=0
# Recordings in Git LFS stay pointers: voicectl itself gets those that an apply uploads.
export GIT_LFS_SKIP_SMUDGE=1

[ $# = 1 ] || { [ "${1:-}" = apply ] && [ "${2:-}" = -- ]; } || set -- help
verb="$1"
shift
[ "${1:-}" != -- ] || shift
command -v voicectl >/dev/null || {
  echo "error: voicectl is not installed: fill ci/requirements.txt from a release, and install it" >&2
  exit 1
}

report() { # report KIND FILE: a comment or an issue, where the hosting is known
  if [ "${GITLAB_CI:-}" = true ] || [ "${GITHUB_ACTIONS:-}" = true ]; then
    voicectl ci "$1" "$2" --exit-code "$code"
  fi
}

# What is applied and checked is the tip of the branch, in a work tree of its own: this run may have waited for another,
# an old commit must not be applied, and neither must files that lie here by chance.
work="$(git rev-parse --absolute-git-dir)/voicectl-$verb"

take_tip() {
  git fetch --quiet origin "$branch" || {
    echo "error: origin has no branch $branch, or can't be reached: BRANCH names the branch that is applied" >&2
    exit 1
  }
  tip="$(git rev-parse FETCH_HEAD)"
  git worktree remove --force "$work" 2>/dev/null || rm -rf "$work"
  git worktree prune
  git worktree add --quiet --detach "$work" "$tip"
  [ "$way" = push ] || (cd "$work" && voicectl ci fetch-lockfile --way "$way")
}

push_lockfile() {
  (cd "$work" && voicectl ci push-lockfile --way "$way" --into "$branch")
}

case "$verb" in
  plan)
    rm -f voicectl-plan.md # an earlier run's, or a link that a merge request brings
    [ "$way" = push ] || voicectl ci fetch-lockfile --way "$way"
    voicectl plan --offline --detailed-exitcode --report "markdown=$here/voicectl-plan.md" || code=$?
    [ -f voicectl-plan.md ] || printf '### voicectl plan: failed\n\nThe log says why.\n' >voicectl-plan.md
    if [ -n "${CI_MERGE_REQUEST_IID:-}" ] && [ "$code" != 1 ]; then
      voicectl ci check-lockfile --format markdown >>voicectl-plan.md
    fi
    report comment "$here/voicectl-plan.md"
    [ "$code" = 2 ] || exit "$code"
    ;;
  preview)
    [ "$way" = push ] || voicectl ci fetch-lockfile --way "$way"
    FISH_API_KEY="" voicectl preview --out "$here/voicectl-preview" --public
    ;;
  apply)
    # What an earlier run here was killed before it could push.
    [ ! -d "$work" ] || push_lockfile || echo "the account knows: the apply finds its models by their marks" >&2
    take_tip
    # In the background, so that a signal reaches voicectl and not this shell alone.
    [ $# = 0 ] || echo "limits for this run, by ${GITLAB_USER_LOGIN:-${USER:-somebody}}: $*"
    (cd "$work" && exec voicectl apply --yes --lock-timeout 600 "$@") &
    running=$!
    trap 'kill -TERM "$running" 2>/dev/null || true' TERM INT HUP
    wait "$running" || code=$?
    while kill -0 "$running" 2>/dev/null; do
      code=0
      wait "$running" || code=$?
    done
    trap - TERM INT HUP
    # Whatever the exit code: ids are recorded also by an apply that failed or was interrupted.
    push_lockfile
    [ "$code" != 3 ] || echo "refused; to allow it for one run: ci/voicectl.sh apply -- --max-deletes N (or another limit)" >&2
    exit "$code"
    ;;
  push)
    work="${work%push}apply"
    [ ! -d "$work" ] || push_lockfile
    ;;
  drift)
    rm -f voicectl-drift.md voicectl-drift.xml voicectl-drift.json
    take_tip
    cd "$work"
    voicectl drift --report "markdown=$here/voicectl-drift.md" --report "junit=$here/voicectl-drift.xml" \
      --report "json=$here/voicectl-drift.json" || code=$?
    report issue "$here/voicectl-drift.md"
    # The whole catalog as a page, with what drift found.
    case "$code" in
      0 | 2) FISH_API_KEY="" voicectl preview --all --drift "$here/voicectl-drift.json" --out "$here/voicectl-catalog" ||
        echo "the page of the catalog could not be made" >&2 ;;
    esac
    exit "$code"
    ;;
  *)
    echo "usage: ci/voicectl.sh plan | preview | apply [-- LIMITS] | drift" >&2
    exit 1
    ;;
esac
