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
	if [ -e "$step.ssh_keys" ] || has_keys; then
		let_in
	fi
}

# as_user COMMAND...: what he can have made to wait for ever is not waited for.
as_user() {
	timeout -k 1 20 runuser -u "$login" -- "$@"
}

# has_keys: do keys stand there that are to go?
has_keys() {
	[ -f "$home/.ssh/authorized_keys" ] && as_user grep -qs '^# evenboot: begin$' "$home/.ssh/authorized_keys"
}

# let_in: the keys stand in the user's authorized_keys, between two marks, below what others have put there. That is read as
# the user, since his file may be a link to anywhere.
let_in() {
	group=$(id -gn "$login") || exit
	walk_to "$home" "$login"
	put_folder .ssh 700 "$login" "$group"
	look_at authorized_keys
	umask 077
	theirs=$run/theirs
	rm -f "$run/unread"
	true >"$theirs"
	if [ -e authorized_keys ]; then
		# His process gets a pipe, as he could keep the descriptor of a file.
		{ as_user dd if=authorized_keys iflag=nonblock bs=64k status=none || true >"$run/unread"; } |
			timeout 30 head -c 1048576 >"$theirs"
		[ "$(stat -c %s "$theirs")" -lt 1048576 ] || refuse authorized_keys 'is larger than 1 MiB'
		[ ! -e "$run/unread" ] || refuse authorized_keys 'cannot be read as its user'
	fi
	{
		awk '/^# evenboot: begin$/ { ours = 1 } !ours; /^# evenboot: end$/ { ours = 0 }' "$theirs"
		[ ! -e "$step.ssh_keys" ] || { echo '# evenboot: begin' && cat "$step.ssh_keys" && echo '# evenboot: end'; }
	} >"$run/content" || exit
	put "$run/content" authorized_keys 600 "$login" "$group"
	rm -f "$theirs" "$run/content"
}
