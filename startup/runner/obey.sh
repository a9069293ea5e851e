# make_folders: those of this boot. Only root sees $run, so nobody else can hold a lock.
make_folders() {
	[ -d "$run/restarted" ] || (umask 077 && mkdir -p "$done_in_boot" "$run/changed" "$run/restarted")
}

# take_lock FILE OPTION...: one at a time.
take_lock() {
	make_folders && exec 9>>"$1" || exit
	shift
	flock "$@" 9
}

# obey [LOCKED]: one apply. The unit evenboot.service runs it, whoever wanted it: the boot, an operator, a deployment.
# One that starts over holds the lock, and had an answer of the service: it asks once.
obey() {
	patience=0
	[ $# -gt 0 ] || { patience=6000 && take_lock "$run/lock"; }
	for file in wanted status refreshed; do true >"$run/$file"; done
	open_log
	stopping='' child='' writer='' shown=0 stamped=0 end=ok
	trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child"' TERM
	begin
	consult_slot || {
		finish failed
		return 1
	}
	id="\"$instance\""
	arm_shutdown
	{ IFS= read -r title && read -r whole; } <"$definition/head"
	if read_steps; then
		[ ! -e "$definition/fresh" ] || tidy
		run_steps || [ $end = running ] || end=failed
	else
		end=failed message="cannot read $definition"
	fi
	unset IFS
	settle
	finish $end
	# The service may be back, with another definition.
	[ -z "$outage" ] || [ $patience -eq 0 ] || ! read_slot || start_over
	[ $end = ok ]
}

# arm_shutdown: a stop may come before the boot is over, and finds this unit up only if it has not waited for others.
arm_shutdown() {
	[ ! -e "$definition/shutdown" ] ||
		systemctl start --no-block --job-mode=ignore-dependencies evenboot-shutdown.service
}

# consult_slot: brings the definition in force up to date and sets $source, $instance, $first_boot_id, $outage, and $end
# if the slot holds something that cannot be used. 1: there is none to be obeyed. An empty slot is the end.
consult_slot() {
	cached=''
	# The machine may be stopped while it waits for the service.
	! in_force || { cached=$patience && arm_shutdown; }
	see_tools || { message=$problem && return 1; }
	ask_slot
	case $? in
	4)
		meet_machine
		rm -f "$definition/steps"
		sync "$definition/"
		tell 'evenboot: the slot holds no payload: nothing to do'
		exit
		;;
	1)
		message="$outage, and no definition arrived on this machine before"
		[ -z "$stopping" ] || { see_stop && message=$why; }
		[ "$cached" ] || return 1
		instance=$known source=cached message="$outage: the last definition is used"
		return
		;;
	esac
	message="cannot write to $state"
	meet_machine || return 1
	message=
	if in_force && cmp -s "$run/slot" "$definition/payload"; then
		return
	elif accept "$run/slot"; then
		start_over
	else
		message=$problem
		in_force || return 1
		source=cached end=failed message="$problem; the last definition is used"
	fi
}

# start_over: obey with the runner in force, unless the system is going down. The lock is kept.
start_over() {
	[ "$stopping" ] || exec /bin/sh "$runner" obey locked
}

# meet_machine: is this the instance of the last apply? If not, nothing of the other's journal counts.
meet_machine() {
	[ "$instance $witness" != "$known $met" ] || return 0
	if [ "$instance" != "$known" ]; then
		first_boot_id=$boot_id
		rm -rf "$journal" || return 1
	fi
	mkdir -p "$journal" && keep "$state/machine" "$instance $first_boot_id $witness"
}
