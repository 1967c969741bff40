#!/bin/sh
# What a pipeline does, in one place; the YAML files only say when. The same under GitHub Actions, GitLab CI and by hand.
#
#   pipelines/run.sh dry-run            what would happen on every cluster; changes nothing
#   pipelines/run.sh rollout WAVE       one wave of release.yaml
#   pipelines/run.sh rollback CLUSTER   one cluster back to its last good revision
#   pipelines/run.sh resume CLUSTER     a run that was cancelled or killed, from where it stands to its end
#
# Environment, all optional:
#   RELEASE_CONFIG                      the configuration, when it is not ./release.yaml
#   RELEASE_CHART                       the chart, when release.yaml has several
#   RELEASE_REF, RELEASE_VERSION        package this reference, or deploy this published version (one of them)
#   RELEASE_TO_REVISION                 rollback: the revision to go back to
#   RELEASE_LOCK_TIMEOUT                how long to wait for somebody else's run (default: 30m)
#   RELEASE_REPORTS                     where reports go (default: reports)
#   KUBECONFIG_CONTENT                  a kubeconfig as text, where a secret cannot be a file
set -eu

usage() {
    sed -n '4,7s/^#   //p' "$0" >&2
    exit 1
}

# A file that only its owner reads; the variable itself is not handed on.
write_kubeconfig() {
    KUBECONFIG=$(mktemp "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/kubeconfig.XXXXXX")
    printf '%s\n' "$KUBECONFIG_CONTENT" >"$KUBECONFIG"
    export KUBECONFIG
    unset KUBECONFIG_CONTENT
}

# Exit code 2 means that there are changes, which is what a merge request is for; every other one says how it went.
dry_run() {
    code=0
    release --all --dry-run --detailed-exitcode "$@" >"$reports/dry-run.txt" || code=$?
    cat "$reports/dry-run.txt"
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        printf '~~~text\n%s\n~~~\n' "$(cat "$reports/dry-run.txt")" >>"$GITHUB_STEP_SUMMARY"
    fi
    [ "$code" -ne 2 ] || code=0
    exit "$code"
}

action=${1:-}
target=${2:-}
case $action in
dry-run) ;;
rollout | rollback | resume) [ -n "$target" ] || usage ;;
*) usage ;;
esac
if ! command -v release >/dev/null; then
    echo "error: release is not on the PATH of this runner; see pipelines/README.md" >&2
    exit 1
fi
[ -z "${KUBECONFIG_CONTENT:-}" ] || write_kubeconfig
reports=${RELEASE_REPORTS:-reports}
mkdir -p "$reports"

set -- ${RELEASE_CHART:+--chart "$RELEASE_CHART"}
if [ "$action" = rollout ] || [ "$action" = dry-run ]; then
    set -- "$@" ${RELEASE_REF:+--ref "$RELEASE_REF"} ${RELEASE_VERSION:+--version "$RELEASE_VERSION"}
fi
if [ "$action" = dry-run ]; then
    dry_run "$@"
fi
set -- "$@" --lock-timeout "${RELEASE_LOCK_TIMEOUT:-30m}"
set -- "$@" --report "junit=$reports/$action-$target.xml" --report "json=$reports/$action-$target.json"

# `exec`, so that a cancelled job's signal reaches release itself: it finishes its API call, records, and gives the lock back.
case $action in
rollout) exec release --wave "$target" "$@" ;;
resume) exec release resume --cluster "$target" "$@" ;;
rollback) exec release rollback --cluster "$target" ${RELEASE_TO_REVISION:+--to-revision "$RELEASE_TO_REVISION"} "$@" ;;
esac
