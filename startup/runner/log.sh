# tell TEXT: one line to the serial console and the log.
tell() {
	printf '%s\n' "$1" | tee -a "$LOG" >>/dev/console
} 2>/dev/null

# keep_output: standard input to the log. At 10 MB the log becomes evenboot.log.1, and $header begins the next. When
# nothing can be written the input is thrown away, for a step must not die of a full disk under its log.
keep_output() {
	size=$(stat -c %s "$LOG") || size=0
	while head -c $((size < 10000000 ? 10000000 - size : 1)) >>"$LOG"; do
		size=$(stat -c %s "$LOG") && [ "$size" -ge 10000000 ] || return 0
		mv -f "$LOG" "$LOG.1" && printf '%s\n' "$header" >"$LOG" || break
		size=${#header}
	done
	exec cat >/dev/null
} 2>/dev/null

# step_output STEP: what the last run of the step printed, as far as the log still has it.
step_output() {
	cat "$LOG.1" "$LOG" 2>/dev/null | step=$1 awk '
		/^--- [^ ]* step / {
			mine = (substr($0, index($0, " step ") + 6) == ENVIRON["step"])
			if (mine) text = ""
			next
		}
		/^evenboot: / { mine = 0 }
		mine { text = text $0 "\n" }
		END { printf "%s", text }'
}

# now: sets $now to the seconds since the machine started, times 100. The clock may jump; this does not.
now() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}
