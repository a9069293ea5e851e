# take_lock: one apply at a time. Only root may hold it.
take_lock() {
	mkdir -p "$done_in_boot" "$run/changed" "$run/restarted" || exit
	[ -e "$run/lock" ] || (umask 077 && true >>"$run/lock") || exit
	exec 9>>"$run/lock"
	flock "$@" 9
}

# obey: one apply. The unit evenboot.service runs it, whoever wanted it: the boot, an operator, a deployment.
obey() {
	take_lock
	rm -f "$run/status" "$run/refreshed"
	open_log
	stopping='' child='' writer='' ran_shell='' shown=0 stamped=0 end=ok
	trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child"' TERM
	read_witness
	begin
	# A stop may come before the boot is over, and finds this unit up only if it has not waited for others.
	if in_force && [ -e "$definition/shutdown" ]; then
		systemctl start --no-block --job-mode=ignore-dependencies evenboot-shutdown.service
	fi
	consult_slot
	case $? in
	1)
		finish failed
		return 1
		;;
	4)
		tell 'evenboot: the slot holds no payload: nothing to do'
		return
		;;
	esac
	read -r title <"$definition/name" && read -r whole <"$definition/fingerprint"
	[ -d "$journal" ] || mkdir "$journal"
	if read_steps; then
		[ ! -e "$definition/fresh" ] || tidy
		run_steps || end=failed
	else
		end=failed message="cannot read $definition"
	fi
	unset IFS
	settle
	finish $end
	# The agent may have delivered another definition meanwhile.
	obeyed=$sum
	! in_force || [ "$sum" = "$obeyed" ] || start_over
	[ $end = ok ]
}

# consult_slot: brings the definition in force up to date and sets $source, $instance, $boot, and $end if the slot
# holds something that cannot be used. 0: $definition is to be obeyed; 1: there is none; 4: the slot is empty.
consult_slot() {
	known='' cached='' first_boot_id='' met='' unanswered='the metadata service does not answer'
	read -r known first_boot_id met 2>/dev/null <"$state/machine"
	! in_force || [ "$met" != "$witness" ] || cached=6000
	command -v curl >/dev/null || unanswered='there is no curl to ask the metadata service with'
	ask_slot
	case $? in
	4)
		meet_machine
		rm -f "$state/current"
		return 4
		;;
	1)
		message="$unanswered, and no definition arrived on this machine before"
		[ "$cached" ] || return 1
		instance=$known source=cached message="$unanswered: the last definition is used"
		[ "$first_boot_id" != "$boot_id" ] || boot=first
		return
		;;
	esac
	message="cannot write to $state"
	meet_machine || return 1
	accept "$run/slot"
	case $? in
	# What runs here may be another version's text than what the definition came with.
	0) start_over ;;
	3) [ "$own" = "$sum" ] || start_over ;;
	*)
		message=$problem
		in_force || return 1
		source=cached end=failed message="$problem; the last definition is used"
		return
		;;
	esac
	message=
}

# start_over: obey with the runner in place, unless the system is going down.
start_over() {
	[ "$stopping" ] || exec /bin/sh "$runner" obey
}

# meet_machine: is this the instance of the last apply? If not, nothing of the other's journal counts.
# However the id is written, it is the same id. Sets $instance and $boot.
meet_machine() {
	read -r instance <"$run/id"
	case $instance in
	'' | *[!a-z0-9-]*) instance=$(tr -d '[:space:]' <"$run/id" | tr '[:upper:]' '[:lower:]') ;;
	esac
	if [ "$instance" != "$known" ]; then
		first_boot_id=$boot_id
		rm -rf "$journal" || return 1
	fi
	if [ "$instance $witness" != "$known $met" ]; then
		mkdir -p "$state" && keep "$state/machine" "$instance $first_boot_id $witness" || return 1
	fi
	[ "$first_boot_id" != "$boot_id" ] || boot=first
}
