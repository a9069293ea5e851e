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
    [ -e "$RUN/refreshed" ] || { "refresh_$manager" && : >"$RUN/refreshed"; } || exit
    # shellcheck disable=SC2086 # names are words
    "install_$manager" $names
}

has_apt() {
    found=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "${1%%=*}" 2>/dev/null) || return 1
    case $1 in
    *=*) [ "$found" = "ii ${1#*=}" ] ;;
    *) [ "${found#ii }" != "$found" ] ;;
    esac
}

# apt waits for the lock of dpkg by itself, but not for the lock of its lists.
refresh_apt() {
    tries=60
    until apt-get -q -o DPkg::Lock::Timeout=300 update; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] && ! flock -n /var/lib/apt/lists/lock true || return 1
        sleep 5
    done
}

# A power cut may have left packages half installed.
install_apt() {
    dpkg --configure -a --force-confdef --force-confold &&
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
            install "$@"
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

has_zypper() {
    has_dnf "$1"
}

refresh_zypper() {
    ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive refresh
}

install_zypper() {
    ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive install "$@"
}
