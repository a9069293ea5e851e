# get FILE OPTION... URL: one request to the metadata service.
# 0: the answer is in FILE; 4: the service says that there is none; 1: no answer, or an error.
get() {
	true >"$1" || return 1
	case $(curl -s --noproxy '*' --connect-timeout 2 --max-time 10 -w '%{http_code}' -o "$@") in
	200) ;;
	404) return 4 ;;
	*) return 1 ;;
	esac
}

# ask_slot: read_slot, again and again as long as there is no answer: a minute if the machine has a definition that
# it may use instead, else four. Returns as read_slot.
ask_slot() {
	now
	until=$((now + ${cached:-24000}))
	until read_slot; do
		[ $? -eq 1 ] || return 4
		now
		[ "$now" -lt "$until" ] || return 1
		sleep 2
	done
}
