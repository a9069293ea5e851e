# see_values: the values that the step names become environment variables.
see_values() {
	while read -r name; do
		value=$(cat "$definition/value.$name" && echo .) || exit
		export "$name=${value%.}"
	done <"$step.uses"
}
