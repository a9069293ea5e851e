#!/bin/sh
# What the runner is measured against: a script as one would write it by hand for the same guarantees. It holds a lock,
# runs each body of /bench/bodies once, syncs before its flag file is made, and writes one synced status file.
# usage: by_hand.sh STATE BODIES
set -u
state=$1 status=
mkdir -p "$state"
exec 9>"$state/lock"
flock 9
for body in "$2"/*; do
    name=${body##*/}
    if [ -e "$state/$name.done" ]; then
        status="$status$name skipped
"
        continue
    fi
    bash -euo pipefail "$body" >>"$state/log" 2>&1 9>&- || {
        echo "failed at $name" >"$state/status"
        exit 1
    }
    sync
    : >"$state/$name.done"
    status="$status$name ran
"
done
printf '%sok\n' "$status" >"$state/status.new"
sync "$state/status.new"
mv "$state/status.new" "$state/status"
