# get FILE OPTION... URL: one request to the metadata service.
# 0: the answer is in FILE; 4: the service says that there is none; 1: no answer, or an error.
get() {
	true >"$1" || return 1
	answer=$(curl -q -s --noproxy '*' --connect-timeout 2 --max-time 10 -w '%{http_code}' -o "$@") || {
		[ $? -ne 23 ] || outage="cannot write to $run"
		return 1
	}
	[ "$answer" != 404 ] || return 4
	[ "$answer" = 200 ]
}

# get_id OPTION... URL: sets $instance to the instance id. However it is written, it is the same id; an answer without
# one is none.
get_id() {
	get "$run/id" "$@" || return
	read -r instance <"$run/id"
	case $instance in
	'' | *[!a-z0-9-]*) instance=$(tr -cd '[:alnum:]-' <"$run/id" | tr '[:upper:]' '[:lower:]') ;;
	esac
	[ "$instance" ]
}

# ask_slot: read_slot, again and again as long as there is no answer: a minute if the machine has a definition that
# it may use instead, else two. Returns as read_slot, and then $outage says why; a slot with nothing in it holds no payload.
ask_slot() {
	outage='there is no curl to ask the metadata service with'
	command -v curl >/dev/null || return 1
	outage='the metadata service does not answer'
	now
	until=$((now + ${cached:-12000}))
	until read_slot; do
		[ $? -eq 1 ] || return 4
		now
		[ "$now" -lt "$until" ] && [ -z "$stopping" ] || return 1
		sleep 2
	done
	outage=
	[ -s "$run/slot" ] || return 4
}
