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
		line=$(sed 1q "$RUN/status" 2>/dev/null)
		case $line in '' | *'"result":"running"'*) ;; *) break ;; esac
		[ "$seconds" -gt 0 ]
	do
		seconds=$((seconds - 1))
		sleep 1
	done
	[ "$line" ] || { echo 'evenboot: there is no result in this boot yet' >&2 && return 2; }
	case $line in *'"result":"running"'*)
		# An apply that was killed holds no lock.
		flock -n "$RUN/lock" sed -i '
			s/"result":"running"/"result":"failed"/; s/"message":null/"message":"the apply was killed before its end"/
			2s/: running/: failed, killed before its end/' "$RUN/status"
		line=$(sed 1q "$RUN/status")
		;;
	esac
	sed $form "$RUN/status"
	case $line in *'"result":"ok"'*) ;; *'"result":"running"'*) return 2 ;; *) return 1 ;; esac
}

# apply: after the one that runs, if one does.
apply() {
	[ ! -e "$RUN/lock" ] || flock "$RUN/lock" true
	systemctl start evenboot.service
	status
}

# rerun STEP: drop the step's record, and apply.
rerun() {
	read_witness
	in_force || usage
	IFS=$NL
	for row in $(cat "$definition/steps"); do
		read_step "due|$row"
		[ "$name" = "$1" ] || continue
		rm -f "$JOURNAL/$key" "$DONE/$key" && sync "$JOURNAL" && apply
		return
	done
	echo "evenboot: there is no step '$1'; evenboot status names them" >&2
	return 64
}

clean() {
	set +f
	rm -rf "$UNITS"/*.service.d/evenboot.conf "$UNITS"/multi-user.target.wants/evenboot*.service "$UNITS"/evenboot*.service \
		"$STATE" "$RUN" "$LOG" "$LOG.1" "$COMMAND"
	for unit in $AGENT_UNITS; do
		rmdir --ignore-fail-on-non-empty "$UNITS/$unit.service.d"
	done
	systemctl daemon-reload
}

main() {
	# The agent of the cloud runs the payload itself, under a name of its own choice.
	case ${0##*/} in evenboot) ;; *) deliver; return ;; esac
	case $#:${1-} in
	1:obey) obey ;;
	4:step) shift && do_step "$@" ;;
	1:shutdown) do_shutdown ;;
	*:status) shift && status "$@" ;;
	1:apply | 1:clean) "$1" ;;
	2:rerun) rerun "$2" ;;
	1:log) cat "$LOG.1" "$LOG" 2>/dev/null ;;
	2:log) step_output "$2" ;;
	*) usage ;;
	esac
}

main "$@"; exit
