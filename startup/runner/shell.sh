do_shell() {
	{ read -r user && IFS= read -r cwd; } <"$step.fields"
	set --
	if [ "$user" ]; then
		become "$user"
		# The user himself goes to the folder: a link of his leads nowhere that is closed to him.
		set -- runuser -u "$user" -- env -C "$cwd"
	else
		cd "$cwd" || exit
	fi
	[ -e "$step.unless" ] && "$@" bash -euo pipefail "$step.unless" && exit
	did_something
	IFS= read -r first <"$step.script"
	case $first in '#!'*) obey_shebang "$@" ;; esac
	# shellcheck disable=SC2086 # words, or nothing
	exec $limit "$@" bash -euo pipefail "$step.script"
}
