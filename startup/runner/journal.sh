# A record says that a step is done: its fingerprint and the instance, then its name, in a file named by the step's key.
# First-boot steps have theirs in the journal, every-boot steps in /run, as what was done in a boot counts in that boot.

# read_steps: sets $steps to the definition's table, a line a step in the order of running:
# done|due LIST KEY FINGERPRINT KIND TIMEOUT RETRIES NAME, with "|" between. The name is quoted as in JSON.
read_steps() {
	steps=$(instance=$instance first_boot=$journal every_boot=$done_in_boot awk -F '|' '
		{
			record = ENVIRON[$1] "/" $2
			was = ""
			getline was <record
			close(record)
			print (was == $3 " " ENVIRON["instance"] ? "done|" : "due|") $0
		}' "$definition/steps")
}

# read_step ROW: sets $due, $list, $key, $fingerprint, $kind, $timeout, $retries and $name.
read_step() {
	IFS='|'
	# shellcheck disable=SC2086 # the row is to be split
	set -- $1
	due=$1 list=$2 key=$3 fingerprint=$4 kind=$5 timeout=$6 retries=$7
	shift 7
	name=$*
	name=${name#?}
	name=${name%?}
	unset IFS
}

# record: the step that was read is done. For a first-boot step, what it wrote is on disk before its record is, and the
# record before this returns.
record() {
	folder=$journal sync=sync
	[ "$list" = first_boot ] || folder=$done_in_boot sync=true
	printf '%s %s\n%s\n' "$fingerprint" "$instance" "$name" >"$folder/$key.new" && $sync &&
		mv -f "$folder/$key.new" "$folder/$key" && $sync "$folder"
}

# tidy: after a change of the definition, drop the records of steps that are in their list no longer.
tidy() {
	set +f
	for file in "$journal"/* "$done_in_boot"/*; do
		case $file in "$journal"/*) list=first_boot ;; *) list=every_boot ;; esac
		case $steps in *"|$list|${file##*/}|"*) ;; *) set -- "$@" "$file" ;; esac
	done
	set -f
	# The note of an account that is being made counts for its own definition only: the account may be somebody's by now.
	rm -f "$@" "$state/account" "$definition/fresh"
}
