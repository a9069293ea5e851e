usage() {
	echo 'usage: evenboot status [--json] [--wait SECONDS] | apply | rerun STEP | log [STEP] | clean' >&2
	exit 64
}

# status [--json] [--wait SECONDS]: says what the last apply of this boot did, for people or as one JSON object; with
# --wait as soon as it has ended, and after so many seconds at the latest. 0: ok; 1: failed; 2: running, or none yet.
status() {
	lines=2,\$p seconds=0
	while [ $# -gt 0 ]; do
		case $1 in
		--json) lines=1p ;;
		--wait)
			seconds=${2-}
			case $seconds in '' | *[!0-9]*) usage ;; esac
			shift
			;;
		*) usage ;;
		esac
		shift
	done
	until read_result; [ "$code" -ne 2 ] || [ "$seconds" -eq 0 ]; do
		seconds=$((seconds - 1))
		sleep 1
	done
	[ "$line" ] || echo 'evenboot: there is no result in this boot yet' >&2
	sed -n "$killed$lines" "$run/status" 2>/dev/null
	return "$code"
}

# read_result: sets $line to the status, $code to what it comes to, and $killed to what mends it, for sed: an apply that was
# killed has not finished, and holds no lock.
read_result() {
	code=2 killed='' line=''
	{ IFS= read -r line <"$run/status"; } 2>/dev/null
	case $line in
	*'"result":"ok"'*) code=0 ;;
	*'"result":"failed"'*) code=1 ;;
	*'"finished_at":null'*)
		was=$line
		if ! flock -n "$run/lock" true; then
			return
		elif IFS= read -r line <"$run/status" && [ "$line" = "$was" ]; then
			code=1 killed='the apply was killed before its end'
			killed="s/\"result\":\"running\"/\"result\":\"failed\"/; s/\"message\":null/\"message\":\"$killed\"/; s/: running,/: failed, $killed,/;"
		else
			# It has ended meanwhile, or another has begun.
			read_result
		fi
		;;
	esac
}

# not_in_a_step: what waits for the apply to end cannot be part of it.
not_in_a_step() {
	[ "${EVENBOOT_STEP-}" ] || return 0
	echo 'evenboot: not from a step, which is part of the apply that would have to end first' >&2
	exit 64
}

# apply: asks the slot for the definition (the cached one is used if the service does not answer) and obeys it now; what
# is done stays done. Ends as status does.
apply() {
	not_in_a_step
	# One that begins after this call. systemd takes a call for a new one for part of one that is about to end.
	make_folders && echo yes >"$run/wanted" || exit
	for _ in 1 2 3; do
		[ ! -s "$run/wanted" ] || systemctl start evenboot.service
	done
	[ ! -s "$run/wanted" ] || { echo 'evenboot: the apply could not be started' >&2 && return 2; }
	# Somebody else's may have begun meanwhile.
	flock "$run/lock" true
	status
}

# log [STEP]: prints the whole log, the older file first, or what the step printed when it last ran. A terminal gets no
# control characters, as what a step has printed must not steer it.
log() {
	if [ ! -t 1 ]; then
		print_log "$@"
		return
	fi
	{ code=$({ { print_log "$@"; echo $? >&4; } | tr '\000-\010\013-\037\177' '[?*]' >&3; } 4>&1); } 3>&1
	return "$code"
}

print_log() {
	if [ $# -gt 0 ]; then
		step_output "$(as_json "$1")" || find_step "$1" "$definition/steps" "$definition/shutdown"
	else
		whole_log
	fi
}

# as_json NAME: as it stands in the table of steps.
as_json() {
	printf '%s' "$1" | sed "$as_json"
}

# find_step STEP TABLE...: sets $row to the step's row in a table of steps. 64: no step is called so.
find_step() {
	asked=$1
	shift
	row=$(cat "$@" 2>/dev/null | wanted=$(as_json "$asked") awk -F '|' '
		"\"" ENVIRON["wanted"] "\"" == substr($0, index($0, "|\"") + 1)')
	[ "$row" ] || { echo "evenboot: there is no step '$asked'; evenboot status names them" >&2 && return 64; }
}

# rerun STEP: drops one step's record, and applies: that step is due, and whatever else is. Ends as status does.
rerun() {
	not_in_a_step
	in_force || usage
	find_step "$1" "$definition/steps" || return
	read_step "due|$row"
	# Not while an apply runs, which may be just about to record it.
	take_lock "$run/lock"
	rm -f "$journal/$key" "$done_in_boot/$key" && sync "$journal" || exit
	exec 9>&-
	apply
}

# clean: removes, before an image is taken, all that the runner and any definition of it have put on the disk; what the
# steps did stays.
clean() {
	not_in_a_step
	take_lock "$run/lock"
	set +f
	units=/etc/systemd/system
	rm -rf "$units"/evenboot*.service* "$units"/*.d/evenboot.conf* /usr/local/sbin/evenboot /usr/local/sbin/evenboot.new \
		"$state" "$run" "$log_file"*
	rmdir --ignore-fail-on-non-empty "$units"/*.d 2>/dev/null
	systemctl daemon-reload
}

# only_root: nobody else can read a status or start anything.
only_root() {
	[ "$(id -u)" -eq 0 ] || { echo 'evenboot: only root may call it' >&2 && exit 64; }
}

main() {
	limit=
	# The agent of the cloud runs the payload itself, under a name of its own choice.
	[ "${0##*/}" = evenboot ] || set -- deliver
	case ${1-}/$# in
	deliver/1 | unpack/1 | obey/[12] | do_step/4 | do_shutdown/1) "$@" ;;
	status/* | apply/1 | rerun/2 | log/[12] | clean/1) only_root && "$@" ;;
	*) usage ;;
	esac
}

main "$@"; exit
