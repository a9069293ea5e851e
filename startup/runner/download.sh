do_download() {
	{
		read -r url && IFS= read -r path && read -r sha256 && read -r mode && read -r owner && read -r group
	} <"$step.fields"
	if [ -f "$path" ] && [ "$(sha256sum <"$path")" = "$sha256  -" ]; then
		owned "$path" "$mode" "$owner" "$group" && exit 0
		did_something
		chown "$owner:$group" "$path" && chmod "$mode" "$path"
		exit
	fi
	beside "$path"
	(umask 077 && curl -fgsSL --connect-timeout 20 --retry 3 -o "$new" "$url") || { code=$? && rm -f "$new" && exit "$code"; }
	have=$(sha256sum <"$new")
	if [ "$have" != "$sha256  -" ]; then
		rm -f "$new"
		echo "$url has the SHA-256 ${have%% *}, expected is $sha256"
		exit 65
	fi
	place "$new" "$path" "$mode" "$owner" "$group"
}
