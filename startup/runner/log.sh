# log TEXT: one line to the log, which only root reads.
log() {
    [ -e "$LOG" ] || (umask 077 && : >"$LOG")
    printf '%s\n' "$1" >>"$LOG"
} 2>/dev/null

# tell TEXT: one line to the serial console and the log.
tell() {
    log "$1"
    printf '%s\n' "$1" >>/dev/console
} 2>/dev/null

# keep_output: standard input to the log. A full log becomes evenboot.log.1. When nothing can be
# written the input is thrown away, for a step must not die of a full disk under its log.
keep_output() {
    size=$(stat -c %s "$LOG") || size=0
    while head -c $((LOG_BYTES > size ? LOG_BYTES - size : 1)) >>"$LOG"; do
        size=$(stat -c %s "$LOG") || break
        [ "$size" -ge "$LOG_BYTES" ] || return 0
        mv -f "$LOG" "$LOG.1" || break
        size=0
    done
    exec cat >/dev/null
} 2>/dev/null

# step_output STEP: what the last run of the step printed, as far as the log still has it.
step_output() {
    for file in "$LOG.1" "$LOG"; do
        [ -r "$file" ] && cat "$file"
    done | step=$1 awk '
        /^--- / { mine = ($0 ~ / step / && substr($0, index($0, " step ") + 6) == ENVIRON["step"]); if (mine) text = ""; next }
        mine { text = text $0 "\n" }
        END { printf "%s", text }'
}

# json TEXT: sets $json to it as a JSON string. The text is valid UTF-8 without control characters.
json() {
    json=$1
    case $json in *[\\\"]*) json=$(printf %s "$json" | sed 's/[\\"]/\\&/g') ;; esac
    json="\"$json\""
}

# clean_text: standard input without what JSON or a terminal would stumble over.
clean_text() {
    iconv -c -f UTF-8 -t UTF-8 | tr '\t' ' ' | tr -d '\000-\010\013-\037\177'
}

# now: sets $now to the seconds since the machine started, times 100. The clock may jump; this does not.
now() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
}
