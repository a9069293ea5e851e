# begin_status: nothing is known yet of this apply.
begin_status() {
    title='' whole='' instance='' boot=later source=cloud steps='' total=0
    all='' ran='' lines='' position=0 failed=null exit_code=null message='' output='' finished=null
    read -r boot_id </proc/sys/kernel/random/boot_id
    started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# entry OUTCOME SECONDS: sets $entry to what became of the step ($list, $name).
entry() {
    json "$name"
    entry="{\"name\":$json,\"list\":\"$list\",\"outcome\":\"$1\",\"seconds\":$2},"
}

# report OUTCOME SECONDS: adds the step that comes next in the table to the status.
report() {
    entry "$@"
    all=$all$entry
    case $1 in
    skipped) lines="$lines$NL  skipped  $name" ;;
    *) ran=$ran$entry lines="$lines$NL  $1  $name ($2 s)" ;;
    esac
    position=$((position + 1))
}

# read_step ROW: sets $due, $list, $key, $fingerprint, $kind, $timeout, $retries and $name.
read_step() {
    IFS='|'
    # shellcheck disable=SC2086 # the row is to be split
    set -- $1
    unset IFS
    due=$1 list=$2 key=$3 fingerprint=$4 kind=$5 timeout=$6 retries=$7 name=$8
    shift 8
    for part; do name="$name|$part"; done
}

# result_json RESULT ENTRIES: sets $result to the status object.
result_json() {
    text=null
    [ -z "$message" ] || { json "$message" && text=$json; }
    json "$title"
    [ "$title" ] || json=null
    result="{\"definition\":$json,\"fingerprint\":\"$whole\",\"instance_id\":\"$instance\",\"boot_id\":\"$boot_id\""
    result="$result,\"boot\":\"$boot\",\"result\":\"$1\",\"failed_step\":$failed,\"exit_code\":$exit_code,\"message\":$text"
    result="$result,\"output\":[$output],\"source\":\"$source\",\"started_at\":\"$started\",\"finished_at\":$finished"
    result="$result,\"steps\":[${2%,}]}"
}

# write_status RESULT: the status with all steps, those that were not reached as "pending".
write_status() {
    pending='' waiting='' number=0
    IFS=$NL
    for row in $steps; do
        number=$((number + 1))
        [ "$number" -gt "$position" ] || continue
        read_step "$row"
        entry pending null
        pending=$pending$entry
        waiting="$waiting$NL  pending  $name"
    done
    unset IFS
    result_json "$1" "$all$pending"
    printf '%s\n' "$result" "$title: $1, $boot boot${message:+: $message}$lines$waiting" >"$RUN/status.new" &&
        mv -f "$RUN/status.new" "$RUN/status"
}

# finish RESULT: the status, and the same on the console in at most 4 KB, for which skipped steps go first, then output.
finish() {
    finished="\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\""
    write_status "$1"
    [ ${#result} -lt 4000 ] || result_json "$1" "$ran$pending"
    [ ${#result} -lt 4000 ] || { output='' && result_json "$1" "$ran$pending"; }
    [ ${#result} -lt 4000 ] || result_json "$1" ''
    tell "evenboot: result $result"
}
