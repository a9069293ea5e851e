# bring_up UNIT ENABLE START TOKENS: enabled and running as wanted. It is restarted when it runs already and TOKENS, which
# stand for what has been changed under it in this boot, are others than at its last start.
bring_up() {
	if [ "$2" = yes ] && ! systemctl is-enabled --quiet "$1"; then
		did_something
		systemctl enable "$1" || exit
	fi
	seen=
	read -r seen 2>/dev/null <"$run/restarted/$key"
	if systemctl is-active --quiet "$1"; then
		[ "$4" = "$seen" ] || { did_something && attempt restart "$1"; }
	elif [ "$3" = yes ]; then
		did_something
		attempt start "$1"
	fi
	printf '%s\n' "$4" >"$run/restarted/$key"
}

# attempt VERB UNIT: and if it fails, what systemd knows of it.
attempt() {
	systemctl "$1" "$2" && return 0
	code=$?
	systemctl status --no-pager --lines=10 "$2"
	exit "$code"
}
