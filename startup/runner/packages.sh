do_packages() {
	read -r names <"$step.fields"
	if command -v apt-get >/dev/null; then
		manager=apt
	elif command -v dnf >/dev/null; then
		manager=dnf
	elif command -v zypper >/dev/null; then
		manager=zypper
	else
		echo 'there is none of apt-get, dnf and zypper' && exit 69
	fi
	missing=
	for package in $names; do
		"has_$manager" "$package" || missing=yes
	done
	[ "$missing" ] || exit 0
	did_something
	# Package lists are refreshed once per apply.
	[ -s "$run/refreshed" ] || { "refresh_$manager" && echo yes >"$run/refreshed"; } || exit
	# shellcheck disable=SC2086 # names are words
	"install_$manager" $names
}

# The version may end in a star, as apt takes it.
has_apt() {
	found=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "${1%%=*}" 2>/dev/null) || return 1
	case $1 in *=*) version=${1#*=} ;; *) version='*' ;; esac
	# shellcheck disable=SC2254 # a pattern
	case $found in [ih]'i '$version) ;; *) return 1 ;; esac
}

# A list that did not come is an error.
refresh_apt() {
	apt -o APT::Update::Error-Mode=any update
}

# A power cut may have left packages half installed, which apt mends by itself, or dpkg in the middle of its records.
install_apt() {
	set -- --allow-downgrades -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
	apt "$@" && return
	[ "$(ls /var/lib/dpkg/updates)" ] || return "$code"
	dpkg --configure -a --force-confdef --force-confold && apt "$@"
}

# apt ARG...: apt-get, again and again as long as somebody else holds the lock of its lists, of its downloads or of dpkg.
# What it prints goes through a file, as what a package leaves running would keep a pipe open.
apt() {
	tries=100
	while
		true >"$run/apt"
		apt-get -q -y "$@" >>"$run/apt" 2>&1 &
		tail -n +1 -f -s 0.1 --pid=$! "$run/apt"
		wait $!
		code=$?
		# What a package's own script says stands further up.
		[ "$code" -ne 0 ] && tail -n 3 "$run/apt" | grep -q '^E: Could not get lock' && [ "$tries" -gt 0 ]
	do
		tries=$((tries - 1))
		sleep 3
	done
	rm -f "$run/apt"
	return "$code"
}

has_dnf() {
	rpm -q --quiet "$1" || rpm -q --quiet --whatprovides "$1"
}

refresh_dnf() {
	dnf -q makecache --refresh
}

install_dnf() {
	dnf -y install "$@"
}

# zypper writes NAME=VERSION, rpm NAME-VERSION.
has_zypper() {
	case $1 in *=*) has_dnf "${1%%=*}-${1#*=}" ;; *) has_dnf "$1" ;; esac
}

refresh_zypper() {
	ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive refresh
}

# From 100 on zypper tells of something beside its success, except that a package was not found or its script failed.
install_zypper() {
	ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive install --auto-agree-with-licenses "$@"
	code=$?
	case $code in 100 | 101 | 102 | 103) code=0 ;; esac
	return "$code"
}
