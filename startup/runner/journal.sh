# A record says that a step is done: its fingerprint and the instance, then its name, in a file named by the step's key.
# First-boot steps have theirs in the journal, every-boot steps in /run, as what was done in a boot counts in that boot.
JOURNAL=$STATE/journal
DONE=$RUN/done

# read_steps: sets $steps to the definition's table, a line a step in the order of running:
# done|due LIST KEY FINGERPRINT KIND TIMEOUT RETRIES NAME, with "|" between.
read_steps() {
    steps=$(instance=$instance journal=$JOURNAL done=$DONE awk -F '|' '
        {
            record = ENVIRON[$1 == "first_boot" ? "journal" : "done"] "/" $2
            was = ""
            getline was <record
            close(record)
            print (was == $3 " " ENVIRON["instance"] ? "done" : "due") "|" $0
        }' "$definition/steps")
}

# record: the step ($list, $key, $fingerprint, $name) is done. For a first-boot step, what it wrote is on disk before
# its record is, and the record before this returns.
record() {
    case $list in first_boot) folder=$JOURNAL ;; *) folder=$DONE ;; esac
    printf '%s %s\n%s\n' "$fingerprint" "$instance" "$name" >"$folder/$key.new" || return 1
    [ "$folder" = "$DONE" ] || sync || return 1
    mv -f "$folder/$key.new" "$folder/$key" || return 1
    [ "$folder" = "$DONE" ] || sync "$folder"
}

# forget_removed: drop the records of steps that are in their list no longer.
forget_removed() {
    set +f
    for file in "$JOURNAL"/* "$DONE"/*; do
        case $file in "$JOURNAL"/*) list=first_boot ;; *) list=every_boot ;; esac
        case $steps in *"|$list|${file##*/}|"*) ;; *) rm -f "$file" ;; esac
    done
    set -f
}
