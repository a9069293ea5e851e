# do_reboot RECORD: done when the boot is another one than that in which it was asked for. The request stands where the
# step's record, "FINGERPRINT INSTANCE", will stand, and is on disk before systemd is asked.
do_reboot() {
	read -r boot_id </proc/sys/kernel/random/boot_id
	line=
	read -r line 2>/dev/null <"$journal/$key"
	asked_in=${line#"asked $1 "}
	if [ "$asked_in" != "$line" ]; then
		[ "$asked_in" = "$boot_id" ] || exit 0
	else
		[ -e "$step.unless" ] && bash -euo pipefail "$step.unless" && exit 0
		did_something
		keep "$journal/$key" "asked $1 $boot_id" || exit
	fi
	systemctl reboot || exit
	# The system ends this.
	exec sleep infinity
}

# expect_reboot: what the status says of an apply that the step's reboot ends: it is not over.
expect_reboot() {
	grep -qsx "asked .* $boot_id" "$journal/$key" || return
	outcome=pending failed=null exit_code=null output='' end=running verdict='waits for the reboot'
	message="step '$name' reboots the machine"
}
