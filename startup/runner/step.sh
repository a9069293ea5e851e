# run_steps: what is due, in order, up to the first failure. 1: a step failed, or the system is going down.
run_steps() {
	IFS=$newline
	for row in $steps; do
		read_step "$row"
		if [ "$due" = due ] || { [ "$kind" = service ] && restart_wanted; }; then
			if [ "$stopping" ]; then
				see_stop
				message=$why
				return 1
			fi
			[ "$writer" ] || pipe_log
			show_progress
			run_step || return 1
		else
			note skipped
		fi
	done
}

# show_progress: the status says how far the apply is, once a second at most, as many steps take no time.
show_progress() {
	now
	[ "$now" -ge "$shown" ] || return 0
	shown=$((now + 100))
	write_status running >/dev/null
}

# run_step: the step that was read; records it. 1: it failed.
run_step() {
	now
	begun=$now pause=1 lost='' asked=''
	until try_step 10 || [ "$retries" -eq 0 ] || ! again; do :; done
	# A shell step may have asked the system to go down. That is found out while the record is made.
	[ "$kind" != shell ] || { going_down & asked=$!; }
	[ "$exit" -ne 0 ] || record || { lost=yes && exit=74; }
	[ -z "$asked" ] || ! wait "$asked" || stopping=yes
	now
	took=$((now - begun)) outcome=ran verdict=ok
	seconds=$((took / 100)).$((took / 10 % 10))
	[ "$exit" -eq 0 ] || explain
	note "$outcome" "$seconds"
	say "evenboot: step '$name' $verdict ($seconds s)"
	return "$exit"
}

# going_down: is the system? systemd knows of a stop that has begun, logind of one that something holds back for a while,
# unless D-Bus hangs.
going_down() {
	case $(systemctl is-system-running & timeout 3 loginctl show-session -p PreparingForShutdown) in
	*stopping* | *=yes*) ;;
	*) return 1 ;;
	esac
} 2>/dev/null

# see_stop: sets $why to what the status says of a signal, which comes from an orderly stop, or from anybody.
see_stop() {
	why='interrupted by a TERM signal'
	! going_down || why='interrupted: the system is going down'
}

# try_step GRACE: one run of the step as a process of its own, its output to the log; sets $exit. A step that outlives
# its time limit is asked to end, and after so many seconds of grace made to.
try_step() {
	now
	tried=$now
	[ "$now" -lt "$stamped" ] || { stamped=$((now + 100)) && stamp=$(date -u +%FT%TZ); }
	printf '%s\n' "--- $stamp step $name" >&7
	limit="timeout -k $1 $timeout"
	open_output
	start_step </dev/null >&8 2>&1 6>&- 7>&- 8>&- 9>&- &
	child=$!
	# The signal to stop may have come before there was a child to hand it on to.
	[ -z "$stopping" ] || kill -TERM "$child"
	await "$child"
	exit=$code child=
	close_output
	return "$exit"
}

# start_step: the step that was read, in a process of its own and within its time limit. When only its own text takes time
# that text is what is limited.
start_step() {
	# A signal that came before is not known to this process.
	[ -z "$stopping" ] || exit 143
	if [ "$kind" = shell ] && [ ! -e "$definition/$key.unless" ]; then
		do_step "$key" shell -
	else
		exec $limit /bin/sh "$runner" do_step "$key" "$kind" "$fingerprint $instance"
	fi
}

# explain: sets what the status says of the failure.
explain() {
	settle
	outcome=failed failed="\"$name\"" exit_code=$exit verdict="failed with exit code $exit"
	case $exit in
	124 | 137) [ $((now - tried)) -lt "${timeout}00" ] || verdict="was ended: it took longer than $timeout s" ;;
	esac
	[ -z "$lost" ] || verdict="is not recorded as done: cannot write to $folder"
	[ -z "$stopping" ] || { see_stop && verdict="was $why"; }
	message="step '$name' $verdict"
	output=$(step_output "$name" | tail -n 20 | tail -c 2000 | iconv -c -f UTF-8 -t UTF-8 |
		tr '\000-\011\013-\037\177' '[ *]' | sed "$as_json; s/.*/\"&\"/" | paste -sd ,)
	[ -z "$stopping" ] || [ "$kind" != reboot ] || expect_reboot
}

# do_step KEY KIND RECORD: the step itself, in a process of its own that ends with the step's exit code.
do_step() {
	key=$1 step=$definition/$1
	unset LC_ALL EVENBOOT_ENV
	cd / || exit
	export EVENBOOT_STEP="$1"
	[ ! -e "$step.uses" ] || see_values
	"do_$2" "$3"
}

# did_something: note that the step changes the machine, for the services that restart on it. Called before the change,
# as a note without a change does less harm than a change without a note.
did_something() {
	now
	printf '%s\n' "$now" >"$run/changed/$key" || exit
}
