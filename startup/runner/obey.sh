# obey: one apply. The unit evenboot.service runs it, whoever wanted it: the boot, an operator, a deployment.
obey() {
    mkdir -p "$DONE" "$RUN/changed" "$RUN/restarted" && true >>"$RUN/lock" || exit 74
    exec 9>>"$RUN/lock"
    flock 9
    stopping='' child='' ran_shell=''
    trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child"' TERM
    for file in status refreshed; do [ ! -e "$RUN/$file" ] || rm -f "$RUN/$file"; done
    read_witness
    begin_status
    consult_slot
    case $? in
    0) verdict=ok ;;
    1) verdict=failed ;;
    2) finish failed && return 1 ;;
    4) leave_alone && return 0 ;;
    esac
    read -r title <"$definition/name" && read -r whole <"$definition/fingerprint" && read -r total <"$definition/total"
    read_steps && [ -d "$JOURNAL" ] || mkdir -p "$JOURNAL"
    [ ! -e "$definition/fresh" ] || { forget_removed && rm -f "$definition/fresh"; }
    run_steps || verdict=failed
    unset IFS
    finish "$verdict"
    # The agent may have delivered another definition meanwhile.
    read -r latest <"$STATE/definition/sum"
    [ "$stopping" ] || [ "$latest" = "$sum" ] || exec /bin/sh "$COMMAND" obey
    [ "$verdict" = ok ]
}

# consult_slot: brings the definition in force up to date and sets $source, $instance, $boot. 0: obey $definition;
# 1: also, though the slot holds something that cannot be used; 2: there is nothing to obey; 4: the slot is empty.
consult_slot() {
    cached='' known='' known_witness='' first_boot_id=''
    read -r known known_witness first_boot_id 2>/dev/null <"$STATE/machine"
    [ "$known_witness" != "$witness" ] || ! in_force || cached=yes
    ask_slot
    case $? in
    4) meet_machine && return 4 ;;
    1)
        message='the metadata service does not answer, and there is no definition that arrived on this machine before'
        [ "$cached" ] || return 2
        [ "$first_boot_id" != "$boot_id" ] || boot=first
        source=cached instance=$known message='the metadata service does not answer: this is the last definition that arrived'
        return 0
        ;;
    esac
    message="cannot write to $STATE"
    meet_machine || return 2
    accept "$RUN/slot"
    case $? in
    0) exec /bin/sh "$COMMAND" obey ;;
    1)
        message=$problem
        in_force || return 2
        source=cached message="$problem; this is the last definition that arrived whole"
        return 1
        ;;
    esac
    message=''
}

# meet_machine: is this the instance of the last apply? If not, nothing of the other's journal counts.
# However the id is written, it is the same id. Sets $instance and $boot.
meet_machine() {
    instance=''
    read -r instance <"$RUN/id"
    case $instance in
    '' | *[!a-z0-9-]*) instance=$(tr -d '[:space:]' <"$RUN/id" | tr '[:upper:]' '[:lower:]') ;;
    esac
    if [ "$instance $witness" != "$known $known_witness" ]; then
        mkdir -p "$STATE" || return 1
        if [ "$instance" != "$known" ]; then
            first_boot_id=$boot_id
            rm -rf "$JOURNAL" || return 1
            in_force || rm -f "$STATE/definition"
        fi
        printf '%s %s %s\n' "$instance" "$witness" "$first_boot_id" >"$STATE/machine.new" && sync "$STATE/machine.new" &&
            mv -f "$STATE/machine.new" "$STATE/machine" && sync "$STATE" || return 1
    fi
    [ "$first_boot_id" != "$boot_id" ] || boot=first
}

# leave_alone: the slot holds no payload: nothing runs, now or when the metadata service does not answer later.
leave_alone() {
    rm -f "$STATE/definition"
    tell 'evenboot: the slot holds no payload: nothing to do'
}
