do_shell() {
	{ read -r user && IFS= read -r cwd; } <"$step.fields"
	as=
	[ -z "$user" ] || become "$user"
	cd "$cwd" || exit
	[ -e "$step.unless" ] && $as bash -euo pipefail "$step.unless" && exit
	did_something
	read -r first <"$step.script"
	case $first in '#!'*) obey_shebang ;; esac
	# shellcheck disable=SC2086 # both are words, or nothing
	exec $limit $as bash -euo pipefail "$step.script"
}

# obey_shebang: as the kernel does it: the interpreter, and the rest of the line as one argument.
obey_shebang() {
	read -r interpreter argument <<-END
		${first#??}
	END
	# shellcheck disable=SC2086 # both are words, or nothing
	exec $limit $as "$interpreter" ${argument:+"$argument"} "$step.script"
}
