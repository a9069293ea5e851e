do_directory() {
	{ IFS= read -r path && read -r mode && read -r owner && read -r group; } <"$step.fields"
	walk_to "${path%/*}" "$owner"
	put_folder "${path##*/}" "$mode" "$owner" "$group"
}
