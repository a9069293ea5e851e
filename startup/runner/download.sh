do_download() {
	{
		read -r url && IFS= read -r path && read -r sha256 && read -r mode && read -r owner && read -r group
	} <"$step.fields"
	name=${path##*/}
	walk_to "${path%/*}" "$owner"
	sweep
	look_at "$name"
	there=
	if [ "$is" ] && [ "$(read_file "./$name" | sha256sum)" = "$sha256  -" ]; then
		[ "$is" != "$mode $owner $group" ] || exit 0
		# Where others can swap it for a larger one by now it is not copied.
		suspect "$name" file
		[ "$others" ] || there=yes
	fi
	stage
	if [ "$there" ]; then
		read_file "../$name" >.evenboot.new || give_up
	else
		curl -q -fgsSL --connect-timeout 20 --retry 3 -o .evenboot.new "$url" || give_up
	fi
	have=$(sha256sum <.evenboot.new)
	if [ "$have" != "$sha256  -" ]; then
		echo "$url has the SHA-256 ${have%% *}, expected is $sha256"
		give_up 65
	fi
	place "$name" "$mode" "$owner" "$group"
}
