# read_witness: sets $witness to what tells this machine from another without a network: an image started as another VM
# has another one.
read_witness() {
	read -r witness </sys/class/dmi/id/product_uuid || read -r witness </etc/machine-id || witness=none
} 2>/dev/null

# in_force: did a definition arrive on this machine? Sets $definition, the folder that holds it, and $sum, its checksum.
in_force() {
	read -r sum was <"$state/current" && [ "$was" = "$witness" ] && definition=$state/definitions/$sum &&
		[ -e "$definition/steps" ]
} 2>/dev/null

# keep FILE TEXT: write a line to a file in $state, replaced in one go, on disk before this returns.
keep() {
	printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv -f "$1.new" "$1" && sync "$state"
}

# accept PAYLOAD: make it the definition in force, on disk, with the runner that came with it.
# 0: done; 3: it was that already; 1: not possible, $problem says why, and what was in force still is.
# The agent and an apply may both be at it: one after the other.
accept() {
	! same "$1" || return 3
	problem="cannot write to $state"
	mkdir -p "$state/definitions" && touch "$state/lock" || return 1
	exec 8>>"$state/lock"
	flock 8
	new=$state/definitions/new before=
	store "$1"
	code=$?
	cd / && rm -rf "$new"
	exec 8>&-
	return "$code"
}

# same PAYLOAD: is it the definition in force, and its runner the one in place?
same() {
	in_force && cmp -s "$1" "$definition/payload" && cmp -s "$definition/evenboot" "$runner"
}

store() {
	! same "$1" || return 3
	! in_force || before=$definition
	rm -rf "$new" && mkdir "$new" && cp "$1" "$new/payload" || return 1
	gzip -dc <"$1" >"$new/text" 2>/dev/null || cp "$1" "$new/text" || return 1
	sum=$(sed -n '/^sum=/{s///p;q;}' "$new/text")
	if [ "$(sed '1,/^sum=/d' "$new/text" | sha256sum)" != "$sum  -" ]; then
		problem='the payload in the slot is damaged'
		return 1
	fi
	unpack && install && rm -rf "${state:?}/definitions/$sum" && mv -T "$new" "$state/definitions/$sum" &&
		sync "$state/definitions" && keep "$state/current" "$sum $witness" && in_force || return 1
	# An apply may be busy with the one before.
	set +f
	for folder in "$state"/definitions/*; do
		case $folder in "$definition" | "$before") ;; *) rm -rf "$folder" ;; esac
	done
	set -f
}

# unpack: $new/text becomes the runner and the records: "@ NAME LINES", then so many lines. The last line of a record
# marked "open" has no line end.
unpack() {
	cd "$new" && awk '
		left { left--; if (!left && open) printf "%s", $0 >path; else print >path; if (!left) close(path); next }
		data && /^@ / { path = $2; left = $3; open = $4; printf "" >path; if (!left) close(path); next }
		!data && (script || /^#!/) { script = 1; print >"evenboot" }
		/^main "\$@"; exit$/ { data = 1; script = 0; close("evenboot") }
	' text && chmod 755 evenboot && rm text && true >fresh
}

# install: put the command, the units and the limits of the cloud's agent in place, as the table "files" says, and see
# that all of $new is on disk.
install() {
	fresh='' upgrade=''
	[ ! -e "$runner" ] || upgrade=yes
	while read -r file path; do
		problem="cannot write to $path"
		cmp -s "$file" "$path" && continue
		[ -d "${path%/*}" ] || mkdir -p "${path%/*}" || return 1
		cp -p "$file" "$path.new" || { rm -f "$path.new" && return 1; }
		fresh="$fresh $path"
	done <files
	sync || return 1
	for path in $fresh; do
		mv -f "$path.new" "$path" || return 1
	done
	# What systemd has never heard of it finds without. And a reload in the middle of the first boot would put the agent,
	# which has a lot to do then, under a limit that is meant for later boots.
	[ -z "$fresh" ] || [ -z "$upgrade" ] || systemctl daemon-reload
}

# deliver: what the agent of the cloud starts at each boot. It stores the payload and starts the unit, which does the
# work. When the unit has asked the slot already and found the same, there is nothing to do.
deliver() {
	mkdir -p "$run"
	open_log
	read_witness
	accept "$delivered"
	case $? in
	1)
		if [ ! -e "$runner" ]; then
			begin
			message=$problem
			finish failed
			return 1
		fi
		;;
	3) [ ! -e "$run/slot" ] || return 0 ;;
	esac
	systemctl start --no-block evenboot.service
}
