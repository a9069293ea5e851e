# again: a pause before a failed step is tried again, twice as long each time, a minute at most. 1: the system goes down.
again() {
	[ -z "$stopping" ] || return 1
	say "evenboot: step '$name' failed, exit code $exit; again in $pause s"
	sleep "$pause" 7>&- 9>&- &
	wait $!
	retries=$((retries - 1)) pause=$((pause < 30 ? pause * 2 : 60))
	[ -z "$stopping" ]
}
