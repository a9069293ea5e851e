# do_shutdown: the shutdown steps of the last definition, 60 seconds for all together, with their further tries and the
# pauses between them; a failing one stops no other.
# The apply that runs is being interrupted by then: its end is waited for, but not for ever.
do_shutdown() {
	take_lock "$run/lock" -w 62
	in_force || return 0
	now
	end=$((now + 6000)) stopping='' writer='' stamped=0 instance=''
	open_log
	pipe_log
	rows=$(cat "$definition/shutdown")
	IFS=$newline
	for row in $rows; do
		read_step "due|$row"
		allowed=$timeout pause=1
		if ! fits 0; then
			say "evenboot: shutdown step '$name' left out: the 60 s are over"
			continue
		fi
		until try_step 1 || [ "$retries" -eq 0 ] || ! fits "$pause" || ! again; do :; done
		say "evenboot: shutdown step '$name' ended with exit code $exit"
	done
	settle
}

# fits SECONDS: sets $timeout to what a try that begins after so many seconds may take. 1: there is no time left for one.
fits() {
	now
	timeout=$(((end - now) / 100 - 1 - $1))
	[ "$allowed" -gt "$timeout" ] || timeout=$allowed
	[ "$timeout" -gt 0 ]
}
