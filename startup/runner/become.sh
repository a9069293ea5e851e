# become LOGIN: sets the environment to the user's.
become() {
	HOME=$(getent passwd "$1" | cut -d : -f 6)
	[ "$HOME" ] || { echo "there is no user $1" && exit 67; }
	export HOME USER="$1" LOGNAME="$1"
}
