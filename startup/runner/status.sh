# begin: nothing is known yet of this apply. Texts are quoted as in JSON.
begin() {
	title='' whole=null id=null source=cloud failed=null exit_code=null message='' output='' finished=null
	steps='' reached=0 all='' some='' text=''
	read -r boot_id </proc/sys/kernel/random/boot_id
	started=$(date -u +%FT%TZ)
}

# note OUTCOME [SECONDS]: what became of the step that was read.
note() {
	entry=',{"name":"'$name'","list":"'$list'","outcome":"'$1'","seconds":'${2-null}'}'
	all=$all$entry text="$text$newline  $1  $name${2:+ ($2 s)}" reached=$((reached + 1))
	[ "$1" = skipped ] || some=$some$entry
}

# write_status RESULT: the status, as JSON and as text; prints the line for the console, in which skipped steps and then
# the output are left out to fit 4 KB.
# shellcheck disable=SC2030 # what is changed here is a copy
write_status() (
	# A second signal is no reason to leave it out.
	trap '' TERM
	result=$1 boot=later row=0 IFS=$newline
	[ "$first_boot_id" != "$boot_id" ] || boot=first
	for step in $steps; do
		row=$((row + 1))
		[ "$row" -le "$reached" ] || { read_step "$step" && note pending; }
	done
	object
	plain "$title: $1, $boot boot${message:+: $message}$text"
	printf '%s\n' "$object" "$plain" >"$run/status.new" &&
		mv -f "$run/status.new" "$run/status"
	[ ${#object} -le 4000 ] || { all=$some && object; }
	[ ${#object} -le 4000 ] || { output='' && object; }
	[ ${#object} -le 4000 ] || { all='' && object; }
	printf '%s\n' "evenboot: result $object"
)

# object: sets $object to the status as JSON.
# shellcheck disable=SC2031 # a copy, in a copy
object() {
	object='{"definition":'${title:+\"}${title:-null}${title:+\"}',"fingerprint":'$whole',"instance_id":'$id
	object=$object',"boot_id":"'$boot_id'","boot":"'$boot'","result":"'$result'","failed_step":'$failed
	object=$object',"exit_code":'$exit_code',"message":'${message:+\"}${message:-null}${message:+\"}',"output":['$output
	object=$object'],"source":"'$source'","started_at":"'$started'","finished_at":'$finished',"steps":['${all#,}']}'
}

# finish RESULT: the apply is over.
finish() {
	finished="\"$(date -u +%FT%TZ)\""
	tell "$(write_status "$1")"
}
