# place NEW PATH MODE OWNER GROUP: PATH has the content of NEW, this mode and this owner; replaced in one go, and only
# if it is different. NEW lies beside it, and is gone afterwards.
place() {
	if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2" && owned "$2" "$3" "$4" "$5"; then
		rm -f "$1"
	else
		did_something
		chown "$4:$5" "$1" && chmod "$3" "$1" && sync "$1" && mv -fT "$1" "$2" && return
		code=$?
		rm -f "$1"
		exit "$code"
	fi
}

# owned PATH MODE OWNER GROUP: is it so?
owned() {
	[ "$(stat -L -c '%a %U %G' "$1")" = "$2 $3 $4" ]
}

# beside PATH: makes PATH's folder if it is missing; sets $new to the name of a temporary file in it.
beside() {
	mkdir -p "${1%/*}/" || exit
	new=${1%/*}/.evenboot.$key
	rm -f "$new"
}
