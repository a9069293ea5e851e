# in_force: is there a definition that arrived on this very machine, which has met its cloud? Sets what is known of the
# machine: $witness tells it from another without a network, as an image started as another VM has another one; $known is
# the instance id, $first_boot_id the boot in which it was first seen, $met the witness of then.
in_force() {
	known='' first_boot_id='' met='' stored_on=''
	read -r witness </sys/class/dmi/id/product_uuid || read -r witness </etc/machine-id || witness=none
	read -r known first_boot_id met <"$state/machine"
	read -r stored_on <"$definition/witness"
	[ "$met $stored_on" = "$witness $witness" ] && [ -e "$definition/steps" ]
} 2>/dev/null

# keep FILE TEXT: write a line to a file, replaced in one go, on disk before this returns.
keep() {
	printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1" && sync "${1%/*}"
}

# see_tools: is there what the runner needs? 1: not all, $problem says what.
see_tools() {
	for tool in awk cmp flock gzip sed; do
		command -v $tool >/dev/null || { problem="there is no $tool" && return 1; }
	done
}

# accept PAYLOAD: make it the definition in force, on disk, with the runner that came with it.
# 1: not possible, $problem says why, and what was in force still is.
accept() {
	problem="cannot write to $state"
	new=$state/a
	# shellcheck disable=SC3013 # dash and bash have it, and POSIX since 2024
	[ ! "$new" -ef "$definition" ] || new=$state/b
	rm -rf "$new" && mkdir -p "$new" && cp "$1" "$new/payload" && cd "$new" && printf '%s\n' "$witness" >witness &&
		gzip -cdf payload | sed -n '/^#!/,$p' >evenboot && intact || return 1
	# The table "files" is the last record.
	said=$(timeout 120 /bin/sh ./evenboot unpack) && [ -e files ] || { problem=${said:-$problem} && return 1; }
	put_in_place && ln -sfn "${new##*/}" "$state/next" && mv -T "$state/next" "$definition" && sync
}

# intact: is the runner, with all that follows it, what its third line says?
intact() {
	sum='' rest=''
	{ read -r _ && read -r _ && read -r _ sum && rest=$(sha256sum); } <evenboot
	[ "$sum" = "sum=${rest%% *}" ] || { problem='the payload in the slot is damaged' && return 1; }
}

# unpack: the records in the runner's own text become files here: "@ NAME LINES", then so many lines. The last line of a
# record marked "open" has no line end.
unpack() {
	awk '
		left { printf "%s%s", $0, --left || !open ? "\n" : "" >path; next }
		data && /^@ / { close(path); path = $2; left = $3; open = $4; printf "" >path }
		/^main "\$@"; exit$/ { data = 1 }
	' "$0"
}

# put_in_place: put the command, the units and the limits of the cloud's agent in place, each in one go, as the table "files"
# says, and see that all of the definition is on disk.
put_in_place() {
	set --
	while read -r mode file path; do
		problem="cannot write to $path"
		[ -e "$path" ] && cmp -s "$file" "$path" && continue
		install -D -m "$mode" "$file" "$path.new" || return 1
		set -- "$@" "$path"
	done <files
	sync || return 1
	for path; do
		mv -f "$path.new" "$path" || return 1
	done
	# What systemd has never heard of it finds without. And a reload in the middle of the first boot would put the agent,
	# which has a lot to do then, under a limit that is meant for later boots.
	problem='systemd cannot reload its units'
	[ ! -e "$runner" ] || systemctl daemon-reload
}

# deliver: what the agent of the cloud starts at each boot. It stores the payload when nothing is stored yet, and starts the
# unit, which asks the slot itself and does the work. When that has happened in this boot there is nothing to do.
deliver() {
	take_lock "$run/delivery"
	open_log
	# Whatever it says: a payload is stored with the witness that it sets.
	in_force
	[ -e "$runner" ] || { see_tools && accept "$delivered"; } || {
		begin
		first_boot_id=$boot_id message=$problem
		finish failed
		return 1
	}
	cmp -s "$delivered" "$run/slot" || systemctl start --no-block evenboot.service
}
