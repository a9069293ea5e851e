# The log is descriptor 7: the file itself, and while steps run a pipe to a process that keeps the file in bounds.

# For sed: a text as in JSON, in which the mark of a result does not stand.
as_json='s/[\\"]/\\&/g; s/evenboot: result/\\u0065venboot: result/g'

# tell TEXT: one line to the serial console and the log.
tell() {
	printf '%s\n' "$1" >&7
	printf '%s\n' "$1" >>/dev/console
	return 0
} 2>/dev/null

# say TEXT: tell, with the names in it as they are.
say() {
	plain "$1"
	tell "$plain"
}

# plain TEXT: sets $plain to what people read of a text that is quoted as in JSON. The mark of a result stays as it stands
# there: it may stand on the console only where a result begins.
plain() {
	plain=$1
	case $1 in *\\*) plain=$(printf '%s\n' "$1" | sed 's/\\\(["\]\)/\1/g') ;; esac
}

# open_log: descriptor 7 becomes the log, which only root reads. A disk that cannot be written is no reason to stop here.
open_log() {
	[ -e "$log_file" ] || (umask 077 && true >"$log_file")
	if true >>"$log_file"; then
		exec 7>>"$log_file"
	else
		exec 7>/dev/null
	fi
} 2>/dev/null

# pipe_log: descriptor 7 becomes a pipe to the log.
pipe_log() {
	pipes=0
	set +f
	rm -f "$run/log" "$run"/output.*
	set -f
	# The process at its other end may die. Ignored, as opposed to caught, steps would ignore the signal as well.
	trap : PIPE
	# Without room for a pipe it stays the log itself.
	mkfifo "$run/log" || return 0
	# In a group, as dash keeps what a function closes open for later; the lock would be held as long as this runs.
	{ keep_output; } <"$run/log" 7>&- 9>&- &
	writer=$!
	# A signal to the runner interrupts the opening.
	until command exec 7>"$run/log"; do :; done
} 2>/dev/null

# settle: all that was written is in the log, and descriptor 7 is the log itself.
settle() {
	open_log
	[ -z "$writer" ] || await "$writer"
	writer=
}

# await CHILD: sets $code to its exit code. A signal to the runner is no reason to wait no longer.
await() {
	while
		wait "$1"
		code=$?
		[ "$code" -gt 128 ] && kill -0 "$1" 2>/dev/null
	do :; done
	# bash may take note of its end before it is waited for. 127: it has been waited for.
	[ "$code" -le 128 ] || { wait "$1" 2>/dev/null; late=$?; [ $late -eq 127 ] || code=$late; }
}

# open_output: descriptor 8 becomes a pipe of one step's own, which only root can read from. If there can be none, as /run is
# full, what the step prints is lost.
open_output() {
	framer='' pipes=$((pipes + 1))
	pipe=$run/output.$pipes
	read -r mark </proc/sys/kernel/random/uuid
	# Others may open their standard output anew to write to it.
	umask 055
	mkfifo "$pipe"
	umask 022
	if [ -p "$pipe" ] && printf '%s\n' "/$mark\$/{s///; /./s/^/| /p; q5; }" >"$run/mark"; then
		{ frame; } <"$pipe" 9>&- &
		framer=$!
		# A signal to the runner interrupts the opening.
		until command exec 8>"$pipe"; do :; done
		# For the mark, as a step can make its own descriptor one that does not wait.
		until command exec 6>"$pipe"; do :; done
	else
		exec 8>/dev/null 6>&8
	fi
} 2>/dev/null

# close_output: what the step has printed is in the log. A child that it left behind is not waited for: what comes behind the
# mark, which nobody can guess, is thrown away.
close_output() {
	# Again, if a signal has interrupted it.
	[ -z "$framer" ] || printf '%s\n' "$mark" >&6 || printf '%s\n' "$mark" >&6
	exec 6>&- 8>&-
	[ -z "$framer" ] || await "$framer"
}

# frame: standard input to the log, up to the mark, each line behind "| ". So no step can print what looks like the runner's
# word. The mark may stand behind a last line that has no end.
frame() {
	trap '' PIPE
	exec 3<&0
	# shellcheck disable=SC3045 # dash and bash have it; a line without an end must not take all memory
	(
		ulimit -v 100000
		exec stdbuf -oL sed -n -f "$run/mark" -e 's/^/| /p' >&7 3<&-
	)
	# 5: that was the mark.
	[ $? -eq 5 ] || echo '| (what follows could not be written)' >&7
	cat <&3 >/dev/null 3<&- 7>&- &
} 2>/dev/null

# keep_output: standard input to the log. At 10 MB the log becomes evenboot.log.1, and the next begins with the heading
# of the step, and the rest of the line. When nothing can be written, or a step took the file away, the rest is thrown away: a
# step must not die of a full disk under its log.
keep_output() {
	old=$log_file.1
	while
		size=$(stat -c %s "$log_file") || size=0
		stdbuf -o0 head -c $((size < 10000000 ? 10000000 - size : 1)) >>"$log_file"
	do
		[ "$(stat -c %s "$log_file")" -ge 10000000 ] || break
		mv -f "$log_file" "$old" || break
		(umask 077 && {
			grep -a '^--- ' "$old" | tail -n 1
			[ "$(tail -c 1 "$old" | wc -l)" -eq 1 ] || tail -n 1 "$old" | sed 's/^| .*/| /'
		} >"$log_file")
	done
	exec cat >/dev/null
} 2>/dev/null

# whole_log: as far as it is still there, the older file first.
whole_log() {
	cat "$log_file.1" "$log_file"
} 2>/dev/null

# step_output STEP: what the last run of the step printed, as far as the log still has it. 1: it has no run of it.
step_output() {
	heading=$(whole_log | step=$1 awk '
		/^--- [^ ]* step / && substr($0, index($0, " step ") + 6) == ENVIRON["step"] { last = NR }
		END { print last + 0 }')
	[ "$heading" -gt 0 ] && whole_log | heading=$heading awk '
		NR <= ENVIRON["heading"] { next }
		!/^[|] / { exit }
		{ print substr($0, 3) }'
}

# now: sets $now to the seconds since the machine started, times 100. The clock may jump; this does not.
now() {
	read -r now _ </proc/uptime
	now=$((${now%.*} * 100 + 1${now#*.} - 100))
}
