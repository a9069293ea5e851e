# The machine, by a witness that needs no network: an image started as another VM has another one.
read_witness() {
    read -r witness </sys/class/dmi/id/product_uuid || read -r witness </etc/machine-id || witness=none
} 2>/dev/null

# in_force: does this machine have a definition of its own? Sets $definition, the folder that holds it.
in_force() {
    read -r sum <"$STATE/definition/sum" && read -r was <"$STATE/definition/witness" && [ "$was" = "$witness" ] &&
        definition=$STATE/definitions/$sum
} 2>/dev/null

# accept PAYLOAD: make it the definition in force, on disk, with the runner that came with it.
# 0: done; 3: it was that already; 1: not possible, $problem says why, and what was in force still is.
accept() {
    in_force && cmp -s "$1" "$definition/payload" && return 3
    problem="cannot write to $STATE"
    mkdir -p "$STATE/definitions" && true >>"$STATE/lock" || return 1
    exec 8>>"$STATE/lock"
    flock 8
    new=$STATE/definitions/new
    rm -rf "$new" && mkdir "$new" && check "$1" && unpack "$new" && switch
    code=$?
    exec 8>&-
    return $code
}

# check PAYLOAD: is it whole? Its text goes to $new/text, its checksum to $sum.
check() {
    cp "$1" "$new/payload" || return 1
    gzip -dc <"$1" >"$new/text" 2>/dev/null || cp "$1" "$new/text" || return 1
    sum=$(sed -n '/^sum=/{s///p;q;}' "$new/text")
    have=$(sed '1,/^sum=/d' "$new/text" | sha256sum)
    [ "$sum" != "${have%% *}" ] || return 0
    problem='the payload in the slot is damaged: its checksum is wrong'
    return 1
}

# switch: the definition in $new is in force from here on. The one before stays, as an apply may be busy with it.
switch() {
    { printf '%s\n' "$sum" >"$new/sum" && printf '%s\n' "$witness" >"$new/witness" && true >"$new/fresh" && rm "$new/text" && sync; } || return 1
    install_runner "$new" || return 1
    before=$(readlink "$STATE/definition")
    rm -rf "${STATE:?}/definitions/$sum" "$STATE/definition.new"
    mv -T "$new" "$STATE/definitions/$sum" && ln -s "definitions/$sum" "$STATE/definition.new" &&
        mv -T "$STATE/definition.new" "$STATE/definition" && sync "$STATE" "$STATE/definitions" && in_force || return 1
    set +f
    for folder in "$STATE"/definitions/*; do
        case $folder in "$definition" | "$STATE/$before") ;; *) rm -rf "$folder" ;; esac
    done
    set -f
}

# unpack FOLDER: FOLDER/text becomes the runner and the records: "@ NAME LINES", then so many lines. The last line of
# a record marked "open" has no line end.
unpack() {
    folder=$1 awk '
        BEGIN { folder = ENVIRON["folder"]; path = folder "/evenboot" }
        left { left--; if (!left && open) printf "%s", $0 >path; else print >path; if (!left) close(path); next }
        data && /^@ / { path = folder "/" $2; left = $3; open = $4; printf "" >path; if (!left) close(path); next }
        !data && (script || /^#!/) { script = 1; print >path }
        script && /^main "\$@"; exit$/ { script = 0; data = 1; close(path) }
    ' "$1/text"
}

# install_runner FOLDER: the command and the units of the definition in FOLDER. The agent of the cloud gets a limit to
# its waiting, so that a metadata service that does not answer does not hold back network and services.
install_runner() {
    changed=
    put "$1/evenboot" "$COMMAND" 755 || return 1
    for unit in evenboot.service evenboot-shutdown.service; do
        [ -e "$1/$unit" ] || continue
        put "$1/$unit" "$UNITS/$unit" 644 && mkdir -p "$UNITS/multi-user.target.wants" &&
            ln -sf "../$unit" "$UNITS/multi-user.target.wants/$unit" || return 1
    done
    for unit in $AGENT_UNITS; do
        mkdir -p "$UNITS/$unit.service.d" && put "$1/agent.conf" "$UNITS/$unit.service.d/evenboot.conf" 644 || return 1
    done
    [ -z "$changed" ] || systemctl daemon-reload
}

# put FILE PATH MODE: PATH has the content of FILE, replaced in one go; sets $changed if it had not.
put() {
    cmp -s "$1" "$2" && return 0
    changed=yes
    cp "$1" "$2.new" && chmod "$3" "$2.new" && sync "$2.new" && mv -f "$2.new" "$2"
}

# deliver: what the agent of the cloud starts at each boot. It stores the payload and starts the unit, which does the work.
deliver() {
    mkdir -p "$RUN"
    read_witness
    accept "$DELIVERED"
    case $? in
    1)
        tell "evenboot: $problem"
        [ -e "$UNITS/evenboot.service" ] || { begin_status && message=$problem && finish failed && return 1; }
        ;;
    3) [ ! -e "$RUN/slot" ] || return 0 ;;
    esac
    [ ! -e "$STATE/definition/evenboot-shutdown.service" ] || systemctl start --no-block evenboot-shutdown.service
    systemctl start --no-block evenboot.service
}
