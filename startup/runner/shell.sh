do_shell() {
	{ read -r user && IFS= read -r cwd; } <"$step.fields"
	as=
	[ -z "$user" ] || become "$user"
	cd "$cwd" || exit
	[ -e "$step.unless" ] && $as bash -euo pipefail "$step.unless" && exit
	did_something
	IFS= read -r first <"$step.script"
	case $first in '#!'*) obey_shebang ;; esac
	# shellcheck disable=SC2086 # both are words, or nothing
	exec $limit $as bash -euo pipefail "$step.script"
}
