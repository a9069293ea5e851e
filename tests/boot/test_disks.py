"""The disk is full, cannot be written to, or has no place for programs: L11."""

from __future__ import annotations

from startup import Shell, StartupScript

from ..runner.scenarios import definition, note
from .clouds import Cloud, Status, Vm, outcomes

DISK_MIB = 32
# /var, with a place for the leases: without it Debian's own programs bring up no network.
READ_ONLY = "mount --bind /var /var && mount -o remount,bind,ro /var && mount -t tmpfs tmpfs /var/lib/dhcp"
FILL = "cat /dev/zero >/filler || true"
FILLS = Shell("fills", script=f"echo fills >>/done\n[ -e /mended ] || {{ {FILL}; }}\n")
OWN_PROGRAM = Shell("own program", script="#!/usr/bin/env python3\nprint('own program', file=open('/done', 'a'))\n")
OWN_EVERY = Shell("every", script="#!/bin/sh\necho every >>/done\n")


def needs_no_disk(vm: Vm) -> Vm:
    """Let the network of a VM come up though Debian's DHCP client cannot write down what it learns."""
    (vm.disk / "etc/dhcp/dhclient-enter-hooks.d/needs-no-disk").write_text("make_resolv_conf() { :; }\n")
    return vm


def test_full_disk(cloud: Cloud) -> None:
    """L11: an edit that does not fit on the disk is refused, at once and at a reboot: what was in force goes on, the
    result is failed and says why; with room again the edit is obeyed."""
    vm = needs_no_disk(cloud.make(definition("one", "four"), disk_mib=DISK_MIB))
    vm.start()
    vm.run(FILL)
    vm.define(definition("one two", "four"))

    assert 1 == vm.evenboot("apply").returncode

    for status in (vm.status(), vm.reboot()):
        cannot_write(status)
        assert "skipped one" == outcomes(status)[0]
    assert "two" not in vm.lines()

    vm.run("rm /filler")

    assert 0 == vm.evenboot("apply").returncode
    assert 1 == vm.lines().count("two")
    assert 1 == vm.lines().count("one")


def test_step_fills_the_disk(cloud: Cloud) -> None:
    """L3, L11: a step that succeeds and leaves no room for its record is not recorded, at the first boot and at a reboot;
    with room again it runs once more, and all goes on."""
    site = StartupScript("site", first_boot=[note("one"), FILLS], every_boot=[note("four")])
    vm = needs_no_disk(cloud.make(site, disk_mib=DISK_MIB))
    first = vm.start()

    for status in (first, vm.reboot()):
        assert ("failed", "fills") == (status["result"], status["failed_step"])
        assert "cannot write to /var/lib/evenboot" in status["message"]
        assert ["failed fills", "pending four"] == outcomes(status)[1:]

    vm.run("rm /filler; touch /mended")
    lines = len(vm.lines())

    assert 0 == vm.evenboot("apply").returncode
    assert ["fills", "four"] == vm.lines()[lines:]
    assert 1 == vm.lines().count("one")


def test_read_only_disk(cloud: Cloud) -> None:
    """L11: an edit where nothing can be written is refused, at a reboot and at once: what was in force goes on, the result
    is failed and says why; when it can be written again the edit is obeyed."""
    vm = cloud.make(definition("one", "four"))
    vm.start()
    vm.machine.stop()
    vm.early("read-only", f"sh -c '{READ_ONLY}'")
    vm.define(definition("one two", "four"))
    cannot_write(vm.start())

    assert ["one", "four", "four"] == vm.lines()

    (vm.disk / "read-only").unlink()
    mended = vm.reboot()

    assert ["two", "four"] == vm.lines()[3:]
    assert ["skipped one", "ran two", "ran four"] == outcomes(mended)

    vm.run(READ_ONLY)
    vm.define(definition("one two three", "four"))

    assert 1 == vm.evenboot("apply").returncode
    cannot_write(vm.status())
    assert 5 == len(vm.lines())


def cannot_write(status: Status) -> None:
    """Judge the result of an apply that could not store what it found in the slot."""
    assert ("failed", "cached") == (status["result"], status["source"])
    assert "cannot write to /var/lib/evenboot" in status["message"]


def test_no_programs_in_tmp(cloud: Cloud) -> None:
    """L1, L2: with /tmp mounted noexec all steps run, also those with an interpreter of their own.

    Google's agent itself starts the payload in /tmp unless told otherwise, which whoever forbids programs there has to.
    """
    vm = cloud.make(StartupScript("site", first_boot=[note("one"), OWN_PROGRAM], every_boot=[OWN_EVERY]))
    vm.early("noexec", "mount -o remount,noexec /tmp")
    if cloud.name == "gcp":
        (vm.disk / "etc/default/instance_configs.cfg").write_text("[MetadataScripts]\nrun_dir = /var/lib\n")
    first = vm.start()

    assert "126\n" == vm.run("cp /bin/true /tmp; /tmp/true || echo $?")
    assert ["one", "own program", "every"] == vm.lines()
    assert "ok" == first["result"]

    vm.reboot()

    assert ["every"] == vm.lines()[3:]
