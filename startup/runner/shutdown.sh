# do_shutdown: the shutdown steps of the last definition, 60 seconds for all together; a failing one stops no other.
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
		now
		left=$(((end - now) / 100 - 1))
		if [ "$left" -le 0 ]; then
			tell "evenboot: shutdown step '$name' left out: the 60 s are over"
			continue
		fi
		[ "$timeout" -lt "$left" ] || timeout=$left
		try_step 1
		tell "evenboot: shutdown step '$name' ended with exit code $exit"
	done
	settle
}
