do_file() {
	{ IFS= read -r path && read -r mode && read -r owner && read -r group; } <"$step.fields"
	text=$step.content
	if [ -e "$step.uses" ]; then
		text=$run/content
		(umask 077 && content >"$text") || exit
	fi
	walk_to "${path%/*}" "$owner"
	put "$text" "${path##*/}" "$mode" "$owner" "$group"
	rm -f "$run/content"
}

# content: the file's content, "${NAME}" replaced by the value of each name in "uses". A value is never looked into.
content() {
	{ cat "$step.content" && echo .; } | names=$(tr '\n' ' ' <"$step.uses") LC_ALL=C awk '
		BEGIN { names = " " ENVIRON["names"] }
		NR > 1 { print line }
		{
			line = ""
			rest = $0
			while (at = index(rest, "${")) {
				line = line substr(rest, 1, at - 1)
				rest = substr(rest, at)
				end = index(rest, "}")
				name = substr(rest, 3, end - 3)
				if (end > 3 && name !~ / / && index(names, " " name " ")) {
					line = line ENVIRON[name]
					rest = substr(rest, end + 1)
				} else {
					line = line "${"
					rest = substr(rest, 3)
				}
			}
			line = line rest
		}
		END { printf "%s", substr(line, 1, length(line) - 1) }'
}
