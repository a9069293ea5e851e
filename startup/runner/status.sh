# begin: nothing is known yet of this apply.
begin() {
	title='' whole='' instance='' boot=later source=cloud steps=''
	outcomes='' failed='' exit_code='' message='' output='' finished=''
	read -r boot_id </proc/sys/kernel/random/boot_id
	started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# write_status RESULT: the status, as JSON and as text; prints the line for the console, in which skipped steps and then
# the output are left out to fit 4 KB. $outcomes has a word for each step that was reached: OUTCOME or OUTCOME=SECONDS.
write_status() {
	printf '%s\n' "$title" "$whole" "$instance" "$boot_id" "$boot" "$1" "$failed" "$exit_code" "$message" "$output" \
		"$source" "$started" "$finished" "$outcomes" "$steps" | awk -F '|' '
		function quote(text) {
			gsub(/[\\"]/, "\\\\&", text)
			return "\"" text "\""
		}
		function object(steps, output, all, i) {
			for (i = 1; i < 14; i++)
				all = all quote(key[i]) ":" (i == 10 ? "[" output "]" : value[i] == "" ? "null" : i == 8 ? value[i] : quote(value[i])) ","
			return "{" all "\"steps\":[" substr(steps, 2) "]}"
		}
		NR < 15 {
			value[NR] = $0
			next
		}
		NR == 15 { split(value[14], outcome, " ") }
		NF {
			split(outcome[NR - 14] ? outcome[NR - 14] : "pending", did, "=")
			list = $2
			for (i = 1; i < 8; i++) sub(/^[^|]*\|/, "")
			sub(/\|$/, "")
			entry = ",{\"name\":" quote($0) ",\"list\":\"" list "\",\"outcome\":\"" did[1] "\",\"seconds\":" (did[2] == "" ? "null" : did[2]) "}"
			all = all entry
			if (did[1] != "skipped") some = some entry
			text = text "\n  " did[1] "  " $0 (did[2] == "" ? "" : " (" did[2] " s)")
			did[2] = ""
		}
		END {
			split("definition fingerprint instance_id boot_id boot result failed_step exit_code message output source started_at finished_at", key, " ")
			count = split(value[10], line, "\t")
			for (i = 1; i < count; i++) output = output (i > 1 ? "," : "") quote(line[i])
			result = object(all, output)
			print result "\n" value[1] ": " value[6] ", " value[5] " boot" (value[9] == "" ? "" : ": " value[9]) text >"/run/evenboot/status.new"
			if (length(result) > 4000) result = object(some, output)
			if (length(result) > 4000) result = object(some)
			if (length(result) > 4000) result = object()
			print "evenboot: result " result
		}' && mv -f "$run/status.new" "$run/status"
}

# finish RESULT: the apply is over.
finish() {
	finished=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	tell "$(write_status "$1")"
}
