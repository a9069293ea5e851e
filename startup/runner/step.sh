# run_steps: what is due, in order, up to the first failure. 1: a step failed, or the system is going down.
run_steps() {
	IFS=$NL
	for row in $steps; do
		read_step "$row"
		if [ "$due" = due ] || { [ "$kind" = service ] && restart_wanted; }; then
			if going_down; then
				message='interrupted: the system is going down'
				return 1
			fi
			write_status running >/dev/null
			run_step || return 1
		else
			outcomes="$outcomes skipped"
		fi
	done
}

# going_down: has the system begun to stop? Only a shell step may have asked for that, so only then systemd is asked.
going_down() {
	[ "$stopping" ] || { [ "$ran_shell" ] && [ "$(systemctl is-system-running)" = stopping ]; }
}

# run_step: the step that was read; records it. 1: it failed.
run_step() {
	now
	begun=$now pause=1
	until try_step 30 || [ "$retries" -eq 0 ] || [ "$stopping" ]; do again; done
	[ "$kind" != shell ] || ran_shell=yes
	[ "$exit" -ne 0 ] || record || exit=74
	now
	took=$((now - begun)) outcome=ran verdict=ok
	settle
	[ "$exit" -eq 0 ] || explain
	seconds=$((took / 100)).$((took / 10 % 10))
	outcomes="$outcomes $outcome=$seconds"
	tell "evenboot: step '$name' $verdict ($seconds s)"
	return "$exit"
}

# try_step GRACE: one run of the step as a process of its own, its output to the log; sets $exit. A step that outlives
# its time limit is asked to end, and after so many seconds of grace made to.
try_step() {
	header="--- $(date -u +%Y-%m-%dT%H:%M:%SZ) step $name"
	printf '%s\n' "$header" >>"$LOG"
	[ -p "$RUN/output" ] || mkfifo "$RUN/output"
	keep_output <"$RUN/output" 9>&- &
	writer=$!
	timeout -k "$1" "$timeout" /bin/sh "$COMMAND" do_step "$definition" "$key" "$kind" </dev/null >"$RUN/output" 2>&1 9>&- &
	child=$!
	while
		wait "$child"
		exit=$?
		kill -0 "$child" 2>/dev/null
	do :; done
	child=
	return "$exit"
}

# settle: wait until the step's output is in the log. A child that the step left behind may hold the pipe open: it keeps
# this one, the next step gets another.
settle() {
	kill -0 "$writer" 2>/dev/null || return 0
	timeout 1 tail -f -s 0.01 --pid="$writer" /dev/null || rm -f "$RUN/output"
}

# explain: sets what the status says of the failure.
explain() {
	outcome=failed failed=$name exit_code=$exit verdict="failed with exit code $exit"
	[ "$took" -lt "${timeout}00" ] || verdict="was ended: it took longer than $timeout s"
	[ "$exit" -ne 74 ] || verdict="is not recorded as done: cannot write to $folder"
	[ -z "$stopping" ] || verdict='was interrupted: the system is going down'
	message="step '$name' $verdict"
	output=$(step_output "$name" | tail -n 20 | tail -c 2000 | iconv -c -f UTF-8 -t UTF-8 | tr '\t\n' ' \t' |
		tr -d '\000-\010\012-\037\177')
}

# do_step DEFINITION KEY KIND: the step itself, in a process of its own that ends with the step's exit code.
do_step() {
	key=$2 step=$1/$2
	unset LC_ALL
	[ ! -e "$step.uses" ] || see_values "$1"
	"do_$3"
}

# did_something: note that the step changes the machine, for the services that restart on it. Called before the change,
# as a note without a change does less harm than a change without a note.
did_something() {
	now
	printf '%s\n' "$now" >"$RUN/changed/$key" || exit
}
