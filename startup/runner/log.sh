# The log is descriptor 7: the file itself, and while steps run a pipe to a process that keeps the file in bounds.

# tell TEXT: one line to the serial console and the log.
tell() {
	printf '%s\n' "$1" >&7
	printf '%s\n' "$1" >>/dev/console
	return 0
} 2>/dev/null

# open_log: descriptor 7 becomes the log, which only root reads. A disk that cannot be written is no reason to stop here.
open_log() {
	[ -e "$log_file" ] || (umask 077 && true >"$log_file")
	if true >>"$log_file"; then
		exec 7>>"$log_file"
	else
		exec 7>/dev/null
	fi
} 2>/dev/null

# pipe_log: descriptor 7 becomes a pipe to the log, for steps to write to.
pipe_log() {
	[ -p "$run/output" ] || mkfifo "$run/output"
	# In a group, as dash keeps what a function closes open for later; the lock would be held as long as this runs.
	{ keep_output; } <"$run/output" 7>&- 9>&- &
	writer=$!
	exec 7>"$run/output"
	# The process at its other end may die. Ignored, as opposed to caught, steps would ignore the signal as well.
	trap : PIPE
}

# settle: all that was written is in the log, and descriptor 7 is the log. A child that a step left behind may hold the
# pipe open: it is not waited for, and the next pipe is another.
settle() {
	open_log
	[ -z "$writer" ] || timeout 1 tail -f -s 0.002 --pid="$writer" /dev/null || rm -f "$run/output"
	writer=
}

# keep_output: standard input to the log. At 10 MB the log becomes evenboot.log.1, and the next begins with the heading
# of the step. When nothing can be written, or a step took the file away, the rest is thrown away: a step must not die of
# a full disk under its log.
keep_output() {
	while
		size=$(stat -c %s "$log_file") || size=0
		stdbuf -o0 head -c $((size < 10000000 ? 10000000 - size : 1)) >>"$log_file"
	do
		[ "$(stat -c %s "$log_file")" -ge 10000000 ] || break
		mv -f "$log_file" "$log_file.1" || break
		(umask 077 && grep -a '^--- ' "$log_file.1" | tail -n 1 >"$log_file")
	done
	exec cat >/dev/null
} 2>/dev/null

# whole_log: as far as it is still there, the older file first.
whole_log() {
	cat "$log_file.1" "$log_file"
} 2>/dev/null

# step_output STEP: what the last run of the step printed, as far as the log still has it.
step_output() {
	heading=$(whole_log | step=$1 awk '
		/^--- [^ ]* step / && substr($0, index($0, " step ") + 6) == ENVIRON["step"] { last = NR }
		END { print last + 0 }')
	[ "$heading" -eq 0 ] || whole_log | heading=$heading awk '
		NR <= ENVIRON["heading"] { next }
		/^--- [^ ]* step / || /^evenboot: (step|result|the slot|shutdown step) / { exit }
		{ print }'
}

# now: sets $now to the seconds since the machine started, times 100. The clock may jump; this does not.
now() {
	read -r now _ </proc/uptime
	now=$((${now%.*} * 100 + 1${now#*.} - 100))
}
