# see_values DEFINITION: the values that the step names become environment variables.
see_values() {
	while read -r name; do
		value=$(cat "$1/value.$name" && echo .) || exit
		export "$name=${value%.}"
	done <"$step.uses"
}
