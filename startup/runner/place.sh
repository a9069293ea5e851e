# What a step writes is written so that nobody gains by it. An unprivileged user may own folders on the way to a path, and
# change at any moment what lies in them. So the way is walked folder by folder: the working directory is the folder itself,
# whatever becomes of its name, and all that is done is done to names in it, which are not followed. A new file is made in a
# folder that only root can enter, and gets its place by a rename; a new folder is closed to others until it is as it is to be.

# refuse NAME TEXT: ends the step, for what NAME in the working directory is.
refuse() {
	echo "$way/$1: $2"
	exit 73
}

# walk_to PATH OWNER: the folder PATH becomes the working directory; what is missing is made, as root's. Sets $others to who
# beside root can have chosen it: nobody (empty), the number of one user, or "many".
# A link is followed if root alone can have put it there; if OWNER can, too, and it leads to a folder of his.
walk_to() {
	uid=0 links=0 others='' way='' last='755 root root'
	[ "$2" = root ] || uid=$(id -u "$2") || exit
	cd / && see_folder
	walk "$1"
}

# walk PATH: on from the working directory.
walk() {
	left=$1
	while [ "$left" ]; do
		part=${left%%/*}
		case $left in */*) left=${left#*/} ;; *) left='' ;; esac
		case $part in
		'' | .) ;;
		..) cd -P .. && way=${way%/*} && see_folder ;;
		"$newline") his_own . ;;
		*) enter "$part" ;;
		esac
	done
}

# see_folder: sets $here and $above to what the working directory and the one above it are, whatever their names; to whom
# they belong, by number, $whose and $whose_above; and $bits, its mode.
see_folder() {
	# shellcheck disable=SC2046 # words
	set -- $(stat -c '%d:%i %u %a' . ..)
	[ $# -eq 6 ] || exit
	here=$1 whose=$2 bits=$3 above=$4 whose_above=$5
}

# enter NAME: the folder, or where the link leads, that lies in the working directory.
enter() {
	if [ -L "./$1" ]; then
		suspect "$1" link
		follow "$1"
		return
	elif [ ! -e "./$1" ]; then
		case $left in *"$newline"*) his_own "$1" ;; esac
		make_folder "$1"
	elif [ ! -d "./$1" ]; then
		refuse "$1" 'is not a folder'
	fi
	suspect "$1" folder
	from=$here entry=$(stat -c %d:%i "./$1") || exit
	cd -P "./$1" || exit
	see_folder
	[ "$above/$here" = "$from/$entry" ] || refuse "$1" 'was replaced by a link just now'
	way=$way/$1
	case $whose/$bits in
	0/[13]000) finish_folder ;;
	"$uid"/[13]000) [ "$left" ] || [ "$last" = '755 root root' ] || finish_folder ;;
	esac
}

# make_folder NAME: there is none yet. Its mode is one that nobody else gives to a folder: a try that is killed leaves what
# the next one knows.
make_folder() {
	did_something
	mkdir -m 1000 "./$1" || exit
}

# finish_folder: the working directory, which was just made, is open to those whom it is for.
finish_folder() {
	[ -z "$(ls -A)" ] || return 0
	drop_acl
	# shellcheck disable=SC2086 # words
	case $left in '') own_folder $last ;; *) own_folder 755 root root ;; esac
	see_folder
}

# own_folder MODE OWNER GROUP: of the working directory. With leading zeros chmod also takes away set-id bits.
own_folder() {
	chown "$2:$3" . && chmod "0000$1" . || exit
}

# suspect NAME KIND: adds to $others who can have put NAME into the working directory: the number of a user, "group" for
# those who can write by the folder's group, or "many". With the sticky bit it is the owner of what lies there; but a link
# of root's may have been moved there.
suspect() {
	culprits=$whose
	case $bits in
	[1357]??[2367] | [1357]?[2367]?)
		owner_of_it=$(stat -c %u "./$1") || refuse "$1" 'was replaced by somebody just now'
		culprits="$whose $owner_of_it"
		[ "$owner_of_it/$2" != 0/link ] || culprits=many
		;;
	*[2367]) culprits=many ;;
	*[2367]?) culprits="$whose group" ;;
	esac
	# Who made a link may have had the folder before.
	[ "$2" != link ] || culprits="$culprits $(stat -c %u "./$1")" || refuse "$1" 'was replaced by somebody just now'
	for one in $culprits; do
		case $one in
		0 | "$others") ;;
		*) others=${others:+many} && others=${others:-$one} ;;
		esac
	done
}

# follow NAME: goes on where the link leads. A line end, which is in no path, stands where a link of the owner's has led.
follow() {
	target=$(readlink "./$1") || exit
	case $others in
	'') left=$target/$left ;;
	"$uid") left=$target/$newline/$left ;;
	*) refuse "$1" 'is a link that others than root and the owner can change, and is not followed' ;;
	esac
	links=$((links + 1))
	[ "$links" -le 40 ] || refuse "$1" 'is one link too many'
	case $target in /*) cd / && way='' && see_folder ;; esac
}

# his_own NAME: a link of the owner leads only to what is his.
his_own() {
	[ "$whose" = "$uid" ] || refuse "$1" "is where a link of the owner's leads, and not in a folder of his"
}

# stage: a folder that only root can enter becomes the working directory, in the one that was it before. The file in it is
# .evenboot.new, a name by which sweep knows that a folder is staged.
stage() {
	did_something
	staged=$(mktemp -d ".evenboot.$key.XXXXXXXXXX") || exit
	enter_staged "$staged" && [ -z "$(ls -A)" ] || refuse "$staged" 'was replaced by somebody just now'
	drop_acl
}

# drop_acl: the working directory, and what is made in it, gives rights to nobody by an access control list. It is closed.
drop_acl() {
	{ [ -d "$run/empty" ] || mkdir -m 1000 "$run/empty"; } && cp -rT --preserve=mode "$run/empty" . || exit
}

# enter_staged NAME. 1: it is none.
enter_staged() {
	from=$here
	cd -P "./$1" || return
	see_folder
	case $above/$whose/$bits in "$from"/0/*[07]00) ;; *) return 1 ;; esac
}

# sweep: removes what killed tries of the step have left in the working directory.
sweep() {
	set +f
	for left in ".evenboot.$key".*; do
		# shellcheck disable=SC3067 # dash and bash have -O; what is not root's is not looked into
		[ -L "$left" ] || [ ! -O "$left" ] || (
			enter_staged "$left" || exit
			[ "$(ls -A)" != .evenboot.new ] || rm -f .evenboot.new
			cd -P .. && rmdir "./$left"
		)
	done
	set -f
}

# place NAME MODE OWNER GROUP: the staged file becomes NAME in the folder around it, in one go.
place() {
	chown "$3:$4" .evenboot.new && chmod "$2" .evenboot.new && sync .evenboot.new &&
		mv -fT .evenboot.new "../$1" && leave && return
	give_up
}

# give_up [CODE]: ends the step, with the exit code of what went before; nothing is left.
give_up() {
	code=${1-$?}
	rm -f .evenboot.new
	leave
	exit "$code"
}

leave() {
	cd -P .. || exit
	see_folder
	rmdir "./$staged" 2>/dev/null
	return 0
}

# look_at NAME: sets $is to "MODE OWNER GROUP" of the file, empty if there is none. A link there is none: it will be replaced.
look_at() {
	is=''
	# shellcheck disable=SC2046 # words
	set -- "$1" $(stat -c '%f %a %U %G' "./$1" 2>/dev/null)
	case ${2-} in
	8???) is="$3 $4 $5" ;;
	'' | a???) ;;
	*) refuse "$1" 'is not a file' ;;
	esac
}

# read_file NAME: its content, unless it is a link by now. Nothing is waited for if it is a FIFO by now.
read_file() {
	dd "if=$1" iflag=nofollow,nonblock bs=64k status=none
}

# put CONTENT NAME MODE OWNER GROUP: NAME in the working directory is a file with the content of the file CONTENT, this mode
# and this owner. Not touched if it is so already.
put() {
	sweep
	look_at "$2"
	[ "$is" != "$3 $4 $5" ] || ! read_file "./$2" | cmp -s - "$1" || return 0
	stage
	cat "$1" >.evenboot.new || give_up
	place "$2" "$3" "$4" "$5"
}

# put_folder NAME MODE OWNER GROUP: NAME in the working directory is a folder with this mode and owner, and becomes the
# working directory. One that others can have put there is changed only if it is theirs anyway.
put_folder() {
	last="$2 $3 $4"
	walk "$1"
	[ "$(stat -c '%a %U %G' .)" != "$2 $3 $4" ] || return 0
	case $others/$whose in
	/* | "$whose/$uid" | "$whose/$whose_above") ;;
	*) refuse . "is not changed: it belongs to $(stat -c %U .), and others can have put it there" ;;
	esac
	did_something
	case $others/$whose in /0 | "/$uid") ;; *) drop_acl ;; esac
	own_folder "$2" "$3" "$4"
}
