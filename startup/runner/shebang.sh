# obey_shebang [COMMAND...]: behind the command, as the kernel does it: the interpreter, and the rest of the line as one argument.
obey_shebang() {
	read -r interpreter argument <<-END
		${first#??}
	END
	# shellcheck disable=SC2086 # words, or nothing
	exec $limit "$@" "$interpreter" ${argument:+"$argument"} "$step.script"
}
