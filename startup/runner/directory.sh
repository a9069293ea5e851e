do_directory() {
	{ IFS= read -r path && read -r mode && read -r owner && read -r group; } <"$step.fields"
	[ -d "$path" ] && owned "$path" "$mode" "$owner" "$group" && exit 0
	did_something
	# With leading zeros chmod also takes away set-id bits that a folder inherited.
	mkdir -p "$path" && chown "$owner:$group" "$path" && chmod "0000$mode" "$path"
}
