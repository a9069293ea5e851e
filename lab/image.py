"""Base images: one root file system per Debian release, built once and kept.

An image is a folder with the layers `base` (all that the clouds share, and the agents of all), and one layer for each
cloud that takes the other clouds' agent away. Its name holds a hash of the recipe, so a changed recipe builds anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .cloud import ARCHIVE_NAME, ARCHIVE_PORT
from .clouds import CLOUDS
from .control_group import ControlGroup
from .errors import LabError
from .host import abandoned, environment, make_closed, remove
from .host import command_with_us as command

Progress = Callable[[str], None]

USUAL = "debian-12"
"""The image that most VMs have."""
SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "util-linux", "locales",
    "cloud-init", "google-guest-agent", "openssh-server",
    "ifupdown", "isc-dhcp-client", "iproute2", "iputils-ping", "netbase",
    "curl", "wget", "ca-certificates", "openssl", "sudo", "python3",
)  # fmt: skip
NETWORK = "auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n"
# cc_locale fails in a minimal system unless told C.UTF-8; an overlay cannot be resized.
CLOUD_CONFIG = 'locale: C.UTF-8\nresize_rootfs: false\ngrowpart: {mode: "off"}\n'
# As in the units of Google's own image; Debian's lack it. Without network-online.target the guest agent starts before
# the network is up and loses 2 s in each boot.
SCRIPT_UNIT = """[Unit]
Wants=network-online.target
[Service]
StandardOutput=journal+console
StandardError=journal+console
"""


def cache_folder() -> Path:
    """Return the folder of images and packages, which `down` keeps: EVENBOOT_LAB_CACHE, or the default."""
    return Path(os.environ.get("EVENBOOT_LAB_CACHE") or "/var/cache/evenboot-lab").resolve()


def image_folder(image: str) -> Path:
    """Return where the image is, or would be; `LabError` if there is no such image."""
    if image not in SUITES:
        raise LabError(f"image {image!r} cannot boot on this computer; take one of {', '.join(SUITES)}")
    return cache_folder() / "images" / f"{image}-{_recipe()}"


def _recipe() -> str:
    """Return a hash of all that decides what is in an image."""
    code = "".join(inspect.getsource(part) for part in (_configure, _configure_apt, _make_layer))
    data = (SUITES, PACKAGES, NETWORK, CLOUD_CONFIG, SCRIPT_UNIT, ARCHIVE_NAME, ARCHIVE_PORT)
    removed = {cloud.name: cloud.removed_package for cloud in CLOUDS.values()}
    return hashlib.sha256(f"{code}{data}{removed}".encode()).hexdigest()[:12]


def layers(image: str, cloud: str) -> list[Path]:
    """Return the read-only layers of a cloud's image, the top one first; `LabError` if it has not been built."""
    folder = image_folder(image)
    if not folder.is_dir():
        raise LabError(f"image {image} has not been built: python -m lab up builds it")
    return [folder / cloud, folder / "base"]


def ensure(image: str, progress: Progress = lambda text: None, prefix: str = "eb-") -> Path:
    """Build the image unless it is there, and return its folder.

    Args:
        image: `debian-12` or `debian-13`.
        progress: called with a line of text at each stage.
        prefix: of the control group of the build, by which `down` finds a build that was left alone.
    """
    folder = image_folder(image)
    make_closed(cache_folder())
    if folder.is_dir():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with _only_builder(folder.parent, image, progress):
        if not folder.is_dir():
            _build(image, folder, progress, f"{prefix}{image}.image")
    return folder


@contextmanager
def _only_builder(parent: Path, image: str, progress: Progress) -> Iterator[None]:
    with (parent / f".{image}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"image {image}: another command builds it, waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(image: str, folder: Path, progress: Progress, group_name: str) -> None:
    partial, log = folder.with_name(f".{image}.partial"), folder.with_name(f".{image}.log")
    note = folder.with_name(f".{image}.group")
    _remove_half(note)
    remove(partial)
    group = ControlGroup(group_name)
    note.write_text(group_name)
    partial.mkdir()
    try:
        _bootstrap(image, partial / "base", progress, group, log)
        progress(f"image {image}: adapting it to the clouds")
        _configure(partial / "base")
        _configure_apt(folder.name, partial)
        for cloud in CLOUDS.values():
            _make_layer(partial, cloud.name, cloud.removed_package)
        partial.rename(folder)
    finally:
        group.kill()
        remove(partial)
        note.unlink(missing_ok=True)
    for old in folder.parent.glob(f"{image}-*"):
        # An older recipe's image may be under a machine that exists; it stays until the cache is removed by hand.
        if old != folder:
            progress(f"image {image}: {old} is of an older recipe and no longer used for new machines")


def _bootstrap(image: str, target: Path, progress: Progress, group: ControlGroup, log: Path) -> None:
    progress(f"image {image}: installing {SUITES[image]} (about a minute, once)")
    argv = [
        *("unshare", "--mount"),  # nothing stays mounted, whatever ends it
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        *_proxies(),
        SUITES[image],
        str(target),
    ]
    # Without a mirror mmdebstrap takes its own default.
    argv += shlex.split(os.environ.get("EVENBOOT_LAB_MIRROR", ""))
    log.unlink(missing_ok=True)
    group.create()
    process = group.spawn(argv, log, environment())
    stage = ""
    while True:
        try:
            status = process.wait(0.5)
            break
        except subprocess.TimeoutExpired:
            stage = _report_stage(log, stage, image, progress)
    if status:
        raise LabError(
            f"image {image}: mmdebstrap failed with status {status}: {log.read_text(errors='replace')[-1500:]}"
        )


def _report_stage(log: Path, last: str, image: str, progress: Progress) -> str:
    lines = [line[3:] for line in log.read_text(errors="replace").splitlines() if line.startswith("I: ")]
    if lines and lines[-1] != last:
        progress(f"image {image}: {lines[-1]}")
        return lines[-1]
    return last


def _proxies() -> list[str]:
    settings = command("apt-config", "dump", "--format", "%f=%v%n", "Acquire", check=False).splitlines()
    pairs = [line.partition("=")[::2] for line in settings]
    return [
        f'--aptopt={name} "{value}"'
        for name, value in pairs
        if value and name.lower().startswith(("acquire::http::", "acquire::https::")) and "proxy" in name.lower()
    ]


def _configure(root: Path) -> None:
    etc = root / "etc"
    # The host's name server would stay in the image; look-ups of "instance-data." then cost 40 s in each boot.
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").write_text("")
    (etc / "hostname").write_text("localhost\n")
    # An image has no identity: machine id and host keys are made at the first boot.
    (etc / "machine-id").write_text("")
    for key in (etc / "ssh").glob("ssh_host_*"):
        key.unlink()
    # A login prompt begins with throwing away what the terminal still holds. A serial port has sent it by then; a
    # pseudo terminal has not, if this computer is busy, and a result line would be lost. Nobody can log in there anyway.
    (etc / "systemd/system/console-getty.service").symlink_to("/dev/null")
    (root / "var/log/journal").mkdir(exist_ok=True)
    (etc / "network/interfaces.d").mkdir(parents=True, exist_ok=True)
    (etc / "network/interfaces").write_text(NETWORK)
    (etc / "cloud/cloud.cfg.d/90_local_cloud.cfg").write_text(CLOUD_CONFIG)
    # There is no udevd in the machine, and cloud-init 25's hotplug module fails without it.
    cloud_cfg = etc / "cloud/cloud.cfg"
    lines = cloud_cfg.read_text().splitlines(keepends=True)
    cloud_cfg.write_text(
        "".join(line for line in lines if "install-hotplug" not in line and "install_hotplug" not in line)
    )
    for kind in ("startup", "shutdown"):
        folder = etc / f"systemd/system/google-{kind}-scripts.service.d"
        folder.mkdir(parents=True)
        (folder / "console.conf").write_text(SCRIPT_UNIT)


def _configure_apt(archive: str, folder: Path) -> None:
    """Point the machine's apt to the lab's archive; where the packages came from stands beside the base, in `sources`."""
    apt, sources = folder / "base/etc/apt", folder / "sources"
    (sources / "parts").mkdir(parents=True)
    (apt / "sources.list").touch()
    shutil.move(apt / "sources.list", sources / "sources.list")
    for path in (apt / "sources.list.d").iterdir():
        shutil.move(path, sources / "parts" / path.name)
    # mmdebstrap leaves its own settings (such as a proxy of this computer), and the lists of packages.
    for path in [*(apt / "apt.conf.d").glob("99mmdebstrap*"), *(folder / "base/var/lib/apt/lists").glob("*_*")]:
        path.unlink()
    source = f"deb [trusted=yes] http://{ARCHIVE_NAME}:{ARCHIVE_PORT}/{archive} ./\n"
    (apt / "sources.list").write_text(source)
    # cloud-init writes the distribution's own addresses into sources.list unless told otherwise.
    keep = folder / "base/etc/cloud/cloud.cfg.d/91_local_archive.cfg"
    keep.write_text("apt_preserve_sources_list: true\napt: {preserve_sources_list: true}\n")


def _make_layer(partial: Path, cloud: str, removed_package: str) -> None:
    """Make the cloud's layer: the base without the other clouds' agent."""
    upper, work, root = partial / cloud, partial / f".{cloud}.work", partial / f".{cloud}.root"
    for path in (upper, work, root):
        path.mkdir()
    script = (
        f'mount -t overlay overlay -o "lowerdir={partial}/base,upperdir={upper},workdir={work}" "{root}"\n'
        f'mount -t proc proc "{root}/proc"\nmount -t tmpfs tmpfs "{root}/run"\n'
        f'chroot "{root}" apt-mark manual python3\n'
        f'chroot "{root}" apt-get purge --yes --auto-remove {removed_package}\n'
        f'[ {removed_package} != cloud-init ] || rm -rf "{root}/etc/cloud" "{root}/var/lib/cloud"\n'
    )
    # In a mount namespace of its own nothing stays mounted, whatever ends it.
    command("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script)
    for path in (work, root):
        shutil.rmtree(path)


def halves() -> Iterator[Path]:
    """Yield what killed builds have left, each while nobody can build on it."""
    folder = cache_folder() / "images"
    found = [*folder.glob(".*.group"), *folder.glob(".*.partial")]
    return abandoned((path, path.with_suffix(".lock")) for path in found)


def remove_halves() -> None:
    """Remove what killed builds have left."""
    for path in halves():
        _remove_half(path)


def _remove_half(path: Path) -> None:
    if path.suffix == ".group" and path.exists():  # of a builder that was killed, whose mmdebstrap may still be at work
        ControlGroup(path.read_text()).kill()
    remove(path)


def remove_all() -> None:
    """Remove all images and packages; no machine may be left that uses them."""
    remove(cache_folder())
