do_download() {
	{
		read -r url && IFS= read -r path && read -r sha256 && read -r mode && read -r owner && read -r group
	} <"$step.fields"
	name=${path##*/}
	walk_to "${path%/*}" "$owner"
	sweep
	look_at "$name"
	if [ "$is" ] && [ "$(read_file "./$name" | sha256sum)" = "$sha256  -" ]; then
		[ "$is" != "$mode $owner $group" ] || exit 0
		stage
		read_file "../$name" >new || give_up
	else
		stage
		curl -q -fgsSL --connect-timeout 20 --retry 3 -o new "$url" || give_up
	fi
	have=$(sha256sum <new)
	if [ "$have" != "$sha256  -" ]; then
		echo "$url has the SHA-256 ${have%% *}, expected is $sha256"
		give_up 65
	fi
	place "$name" "$mode" "$owner" "$group"
}
