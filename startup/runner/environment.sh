# Of the environment of whoever starts this program nothing counts but where the proxies are, and which step calls: the rest
# is left behind at once. The mark says that it has been; processes of the runner's own need not do so again.
case ${EVENBOOT_ENV-} in
'')
	set -- /bin/sh "$0" "$@"
	for name in EVENBOOT_STEP http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY; do
		eval "set -- \${$name+\"$name=\$$name\"} \"\$@\""
	done
	exec /usr/bin/env -i EVENBOOT_ENV=own PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
	;;
esac
