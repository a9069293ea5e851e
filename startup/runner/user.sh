do_user() {
	{ read -r login && read -r groups && read -r shell && read -r system; } <"$step.fields"
	for group in $groups; do
		getent group "$group" >/dev/null || { did_something && groupadd --system "$group"; } || exit
	done
	# A useradd that was killed has left half an account, which is taken away before it is made anew.
	if read -r half home 2>/dev/null <"$state/account" && [ "$half" = "$login" ]; then
		userdel "$login"
		[ -z "$home" ] || rm -rf "$home"
	fi
	if ! getent passwd "$login" >/dev/null; then
		did_something
		home=$(useradd -D | sed -n 's/^HOME=//p')/$login
		[ ! -e "$home" ] || home=
		printf '%s %s\n' "$login" "$home" >"$state/account" && sync "$state/account" || exit
		# A system account has a home only if keys are to lie in it. A group of its name may be there already.
		set -- --create-home
		[ -z "$system" ] || [ -e "$step.ssh_keys" ] || set --
		! getent group "$login" >/dev/null || set -- "$@" --gid "$login"
		useradd "$@" ${system:+--system} --shell "$shell" "$login" && sync
		code=$?
		rm -f "$state/account"
		[ "$code" -eq 0 ] || exit "$code"
	elif [ "$(getent passwd "$login" | cut -d : -f 7)" != "$shell" ]; then
		did_something
		usermod --shell "$shell" "$login" || exit
	fi
	for group in $groups; do
		case " $(id -nG "$login") " in *" $group "*) ;; *) did_something && usermod -aG "$group" "$login" || exit ;; esac
	done
	home=$(getent passwd "$login" | cut -d : -f 6)
	if [ -e "$step.ssh_keys" ] || grep -qs '^# evenboot: begin$' "$home/.ssh/authorized_keys"; then
		let_in
	fi
}

# let_in: the keys stand in the user's authorized_keys, between two marks, below what others have put there. It is done
# as the user, since links in his home may lead anywhere.
# shellcheck disable=SC2016 # the other shell expands it
let_in() {
	{
		[ ! -e "$step.ssh_keys" ] || { echo '# evenboot: begin' && cat "$step.ssh_keys" && echo '# evenboot: end'; }
	} | as_user '
		umask 077
		mkdir -p "$1/.ssh"
		cd "$1/.ssh"
		: >>authorized_keys
		chmod 700 .
		chmod 600 authorized_keys
		{ awk "/^# evenboot: begin\$/ { ours = 1 } !ours; /^# evenboot: end\$/ { ours = 0 }" authorized_keys; cat; } >.evenboot
		cmp -s .evenboot authorized_keys || exit 75
		rm .evenboot'
	code=$?
	[ "$code" -eq 75 ] || exit "$code"
	did_something
	as_user 'cd "$1/.ssh"; sync .evenboot; mv -f .evenboot authorized_keys'
}

as_user() {
	runuser -u "$login" -- sh -euc "$1" sh "$home"
}
