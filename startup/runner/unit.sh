do_unit() {
	{ read -r path && read -r enable && read -r start; } <"$step.fields"
	walk_to "${path%/*}" root
	put "$step.content" "${path##*/}" 644 root root
	systemctl daemon-reload || exit
	token=
	read -r token 2>/dev/null <"$run/changed/$key"
	bring_up "${path##*/}" "$enable" "$start" "$token"
	# Enabling and starting it were noted too, but are no reason to restart it.
	[ ! -e "$run/changed/$key" ] || cp "$run/changed/$key" "$run/restarted/$key"
}
