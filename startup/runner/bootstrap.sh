# A program for a slot that is too small for the script: it fetches the script from the cloud's object store, and runs it.
set -uf
umask 077
run=/run/evenboot runner=/var/lib/evenboot/current/evenboot

# said NAME: what the line "# NAME=" of this very program says.
said() {
	sed -n "s/^# $1=//p" "$0"
}

# get FILE OPTION... URL: one answer, to FILE. 1: there is none, $problem says why. What nobody may see is in $secret, a
# configuration of curl, as arguments of a process are for all to see.
get() {
	problem=$(printf '%s\n' "$secret" | curl -q -fsS --noproxy "169.254.169.254,${no_proxy-}" --connect-timeout 5 -m 60 -K - -o "$@" 2>&1) && return
	shift $(($# - 1))
	problem="$1: $(echo "$problem" | tr -d '"\\[:cntrl:]')"
	return 1
}

# field NAME: a text in the JSON that was answered.
field() {
	sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$run/answer"
}

# whole: is the object here, as it was put into the store?
whole() {
	[ "$(sha256sum <"$run/object")" = "$(said sha256)  -" ]
} 2>/dev/null

# fetch SECONDS: the object to $run/object, trying for so long, as a right that was just given takes its time to hold.
# 1: it cannot be had, $problem says why.
fetch() {
	mkdir -p "$run"
	! whole || return 0
	# The seconds since the machine started: the clock may jump.
	read -r now _ </proc/uptime
	until=$((${now%.*} + $1))
	until read_object "$(said object)"; do
		read -r now _ </proc/uptime
		[ "${now%.*}" -lt "$until" ] || break
		sleep 5
	done
	rm -f "$run/answer"
	whole && return
	problem=${problem:-$(said object): not the SHA-256 $(said sha256)}
	return 1
}

# give_up: the one line on the console that a deployment waits for.
give_up() {
	read -r boot_id </proc/sys/kernel/random/boot_id
	time=$(date -u +%FT%TZ)
	printf '%s\n' "evenboot: result {\"definition\":null,\"fingerprint\":null,\"instance_id\":null,\"boot_id\":\"$boot_id\",\"boot\":\"first\",\"result\":\"failed\",\"failed_step\":null,\"exit_code\":null,\"message\":\"$problem\",\"output\":[]\
,\"source\":\"cloud\",\"started_at\":\"$time\",\"finished_at\":\"$time\",\"steps\":[]}" >>/dev/console
	exit 1
}

# main: what the agent of the cloud runs at each boot. With "unpack" the runner that found this in the slot asks for the
# script, here, in place of this program; what is said then is the reason why not.
main() {
	if [ $# -gt 0 ]; then
		trap 'echo "$(said object): no answer in time"; exit 1' TERM
		fetch 90 || { echo "$problem" && exit 1; }
		mv "$run/object" evenboot || exit
		exec /bin/sh ./evenboot unpack
	fi
	export EVENBOOT_DELIVERED="$0"
	[ ! -e "$runner" ] || exec /bin/sh "$runner" deliver
	fetch "$patience" || give_up
	exec /bin/sh "$run/object"
}

main "$@"; exit
