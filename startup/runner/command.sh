usage() {
    echo 'usage: evenboot status [--json] [--wait SECONDS] | apply | rerun STEP | log [STEP] | clean' >&2
    exit 64
}

# status [--json] [--wait SECONDS]: 0: ok; 1: failed; 2: still running, or none yet.
status() {
    form=text seconds=0
    while [ $# -gt 0 ]; do
        case $1 in
        --json) form=json ;;
        --wait)
            case ${2-} in '' | *[!0-9]*) usage ;; esac
            seconds=$2
            shift
            ;;
        *) usage ;;
        esac
        shift
    done
    while :; do
        state=$(sed 1q "$RUN/status" 2>/dev/null)
        case $state in *'"result":"running"'*) running=yes ;; '') running=yes ;; *) running='' ;; esac
        [ "$running" ] && [ "$seconds" -gt 0 ] || break
        seconds=$((seconds - 1))
        sleep 1
    done
    [ "$state" ] || { echo 'evenboot: there is no result in this boot yet' >&2 && return 2; }
    if [ "$running" ] && flock -n "$RUN/lock" true; then
        state=$(printf '%s\n' "$state" | sed 's/"result":"running"/"result":"failed"/
            s/"message":null/"message":"the apply was killed before its end"/')
    fi
    case $form in json) printf '%s\n' "$state" ;; *) sed 1d "$RUN/status" ;; esac
    case $state in *'"result":"ok"'*) ;; *'"result":"running"'*) return 2 ;; *) return 1 ;; esac
}

# apply: after the one that runs, if one does.
apply() {
    [ ! -e "$RUN/lock" ] || flock "$RUN/lock" true
    systemctl start evenboot.service
    status
}

# rerun STEP: drop the step's record, and apply.
rerun() {
    wanted=$1
    IFS=$NL
    for row in $(cat "$STATE/definition/steps"); do
        read_step "due|$row"
        [ "$name" = "$wanted" ] || continue
        rm -f "$JOURNAL/$key" "$DONE/$key" && sync "$JOURNAL" || return 1
        apply
        return
    done
    echo "evenboot: there is no step '$wanted'; evenboot status names them" >&2
    return 64
}

clean() {
    for unit in $AGENT_UNITS; do
        rm -f "$UNITS/$unit.service.d/evenboot.conf"
        [ ! -d "$UNITS/$unit.service.d" ] || rmdir --ignore-fail-on-non-empty "$UNITS/$unit.service.d"
    done
    for unit in evenboot.service evenboot-shutdown.service; do
        rm -f "$UNITS/multi-user.target.wants/$unit" "$UNITS/$unit"
    done
    rm -rf "$STATE" "$RUN" "$LOG" "$LOG.1" "$COMMAND"
    systemctl daemon-reload
}

main() {
    # The agent of the cloud runs the payload itself, under a name of its own choice.
    case ${0##*/} in evenboot) ;; *) deliver; return ;; esac
    case $#:${1-} in
    1:obey) obey ;;
    4:step) shift && do_step "$@" ;;
    1:shutdown) do_shutdown ;;
    *:status) shift && status "$@" ;;
    1:apply) apply ;;
    2:rerun) rerun "$2" ;;
    1:log) cat "$LOG.1" "$LOG" 2>/dev/null ;;
    2:log) step_output "$2" ;;
    1:clean) clean ;;
    *) usage ;;
    esac
}

main "$@"; exit
