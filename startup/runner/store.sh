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

# accept PAYLOAD: make it the definition in force, on disk, with the runner that came with it.
# 0: done; 3: it was that already; 1: not possible, $problem says why, and what was in force still is.
accept() {
	in_force && cmp -s "$1" "$definition/payload" && [ -e "$runner" ] && return 3
	problem="cannot write to $state"
	new=$state/a
	[ "$(readlink "$definition")" != a ] || new=$state/b
	rm -rf "$new" && mkdir -p "$new" && cp "$1" "$new/payload" && cd "$new" && printf '%s\n' "$witness" >witness || return 1
	unpack && put_in_place && ln -sfn "${new##*/}" "$state/next" && mv -T "$state/next" "$definition" && sync
}

# unpack: the payload's text becomes the runner, and the records in it become files: "@ NAME LINES", then so many lines.
# The last line of a record marked "open" has no line end. What is too large for the slot is an object in the cloud's
# store, and the slot holds a program that fetches it.
unpack() {
	take_text payload || return 1
	if sed 6q evenboot | grep -q '^# object='; then
		problem=$(timeout 120 /bin/sh ./evenboot fetch object) || {
			problem=${problem:-the object that the slot names cannot be fetched}
			return 1
		}
		take_text object || return 1
	fi
	true >fresh
	awk '
		left { printf "%s%s", $0, --left || !open ? "\n" : "" >path; next }
		data && /^@ / { close(path); path = $2; left = $3; open = $4; printf "" >path }
		/^main "\$@"; exit$/ { data = 1 }
	' evenboot
}

# take_text FILE: the text in a payload, from the runner on, to the file evenboot, if it is whole.
take_text() {
	{ gzip -dc "$1" 2>/dev/null || cat "$1"; } | sed -n '/^#!/,$p' >evenboot || return 1
	[ "$(sed '1,/^# sum=/d' evenboot | sha256sum)" = "$(sed -n '/^# sum=/{s///;s/$/  -/p;q;}' evenboot)" ] && return
	problem='the payload in the slot is damaged'
	return 1
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
	[ -e "$runner" ] || accept "$delivered" || [ $? -eq 3 ] || {
		begin
		boot=first message=$problem
		finish failed
		return 1
	}
	cmp -s "$delivered" "$run/slot" || systemctl start --no-block evenboot.service
}
