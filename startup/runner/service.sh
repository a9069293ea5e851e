do_service() {
	{ read -r unit && read -r enable && read -r start; } <"$step.fields"
	restart_tokens
	bring_up "$unit" "$enable" "$start" "$tokens"
}

# restart_tokens: sets $tokens to what stands for the changes that the steps in "restart_on" made in this boot.
restart_tokens() {
	tokens=
	[ -e "$step.restart_on" ] || return 0
	while read -r other; do
		token=
		read -r token 2>/dev/null <"$run/changed/$other"
		tokens=$tokens${token:+ $token}
	done <"$step.restart_on"
	tokens=${tokens# }
}

# restart_wanted: has a step in "restart_on" done something since the service ($key) was last started?
restart_wanted() {
	step=$definition/$key seen=
	restart_tokens
	read -r seen 2>/dev/null <"$run/restarted/$key"
	[ "$tokens" != "$seen" ]
}
