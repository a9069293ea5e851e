# obey_shebang: as the kernel does it: the interpreter, and the rest of the line as one argument.
obey_shebang() {
	read -r interpreter argument <<-END
		${first#??}
	END
	# shellcheck disable=SC2086 # both are words, or nothing
	exec $limit $as "$interpreter" ${argument:+"$argument"} "$step.script"
}
