do_directory() {
    { IFS= read -r path && read -r mode && read -r owner && read -r group; } <"$step.fields"
    [ -d "$path" ] && owned "$path" "$mode" "$owner" "$group" && exit 0
    did_something
    mkdir -p "$path" && chown "$owner:$group" "$path" && chmod "$mode" "$path"
}
