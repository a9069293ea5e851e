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

# apt waits for the lock of dpkg by itself, but not for the lock of its lists. A list that did not come is an error.
refresh_apt() {
	tries=100
	until apt-get -q -o APT::Update::Error-Mode=any update 2>"$run/refreshing"; do
		cat "$run/refreshing"
		tries=$((tries - 1))
		grep -q 'Could not get lock' "$run/refreshing" && [ "$tries" -gt 0 ] || return 100
		sleep 3
	done
}

# A power cut may have left packages half installed, which apt mends by itself, or dpkg in the middle of its records.
install_apt() {
	apt "$@" && return
	code=$?
	[ "$(ls /var/lib/dpkg/updates)" ] || return "$code"
	dpkg --configure -a --force-confdef --force-confold && apt "$@"
}

apt() {
	apt-get -q -y --allow-downgrades -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
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
