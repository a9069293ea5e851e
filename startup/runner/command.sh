usage() {
	echo 'usage: evenboot status [--json] [--wait SECONDS] | apply | rerun STEP | log [STEP] | clean' >&2
	exit 64
}

# status [--json] [--wait SECONDS]: 0: ok; 1: failed; 2: still running, or none yet.
status() {
	form=1d seconds=0
	while [ $# -gt 0 ]; do
		case $1 in
		--json) form=1q ;;
		--wait)
			seconds=${2-}
			case $seconds in '' | *[!0-9]*) usage ;; esac
			shift
			;;
		*) usage ;;
		esac
		shift
	done
	while
		line=$(sed 1q "$run/status" 2>/dev/null)
		case $line in '' | *'"result":"running"'*) ;; *) break ;; esac
		[ "$seconds" -gt 0 ]
	do
		seconds=$((seconds - 1))
		sleep 1
	done
	[ "$line" ] || { echo 'evenboot: there is no result in this boot yet' >&2 && return 2; }
	code=1 killed=
	case $line in
	*'"result":"ok"'*) code=0 ;;
	# An apply that was killed holds no lock.
	*'"result":"running"'*) flock -n "$run/lock" true && killed='the apply was killed before its end' || code=2 ;;
	esac
	sed "${killed:+s/\"running\"/\"failed\"/; s/\"message\":null/\"message\":\"$killed\"/; s/: running,/: failed, $killed,/;}$form" \
		"$run/status"
	return "$code"
}

# not_in_a_step: what waits for the apply to end cannot be part of it.
not_in_a_step() {
	[ "${EVENBOOT_STEP-}" ] || return 0
	echo 'evenboot: a step cannot ask for this: it is part of the apply that would have to end first' >&2
	exit 64
}

# apply: after the one that runs, if one does. The status is the new one's, or none.
apply() {
	not_in_a_step
	flock "$run/lock" rm -f "$run/status"
	systemctl start evenboot.service
	status
}

# log [STEP]: the log, or what the step last printed.
log() {
	if [ $# -gt 0 ]; then
		step_output "$1"
	else
		cat "$log_file.1" "$log_file" 2>/dev/null
	fi
}

# rerun STEP: drop the step's record, and apply.
rerun() {
	not_in_a_step
	read_witness
	in_force || usage
	rows=$(cat "$definition/steps")
	IFS=$newline
	for row in $rows; do
		read_step "due|$row"
		[ "$name" = "$1" ] || continue
		rm -f "$journal/$key" "$done_in_boot/$key" && sync "$journal" && apply
		return
	done
	echo "evenboot: there is no step '$1'; evenboot status names them" >&2
	return 64
}

# clean: what any definition has put in place goes, and the runner with it.
clean() {
	not_in_a_step
	take_lock
	set +f
	cat "$state"/definitions/*/files 2>/dev/null | while read -r _ path; do
		rm -f "$path" "${path%/*}/evenboot-shutdown.service"
		case ${path%/*} in *.d) rmdir --ignore-fail-on-non-empty "${path%/*}" 2>/dev/null ;; esac
	done
	rm -rf "$state" "$run" "$log_file" "$log_file.1"
	systemctl daemon-reload
}

main() {
	limit=
	# The agent of the cloud runs the payload itself, under a name of its own choice.
	[ "${0##*/}" = evenboot ] || set -- deliver
	case ${1-}/$# in
	deliver/1 | obey/1 | do_step/4 | do_shutdown/1 | status/* | apply/1 | rerun/2 | log/[12] | clean/1) "$@" ;;
	*) usage ;;
	esac
}

main "$@"; exit
