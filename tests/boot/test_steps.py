"""Every kind of step for real: what Debian's own programs make of it."""

from __future__ import annotations

import hashlib

from lab.archive import archive_folder
from startup import Directory, Download, File, Packages, Service, Shell, StartupScript, Unit, User

from .clouds import Cloud, archived, outcomes

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3xN7zq0zvXw4lJb9uR5cYf3sKp1mE8dQ2hT6gVnW0a nobody@example.org"
KEEPS_TIME = """\
[Service]
User=app
ExecStart=/usr/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""


def test_accounts_files_and_units(cloud: Cloud) -> None:
    """User, Directory, File and Unit: they are there as wanted, also after a reboot, and are left alone when they are."""
    vm = cloud.make(
        StartupScript(
            "kinds",
            first_boot=[
                User("app", groups=["adm", "models"], shell="/bin/sh", ssh_keys=[KEY]),
                Directory("/srv/models/large", mode=0o750, owner="app", group="models"),
                File("/srv/models/note", content="in ${REGION}: $5 ${OTHER}\n", uses=["REGION"], mode=0o640, owner="app"),
                Unit("keeps-time.service", content=KEEPS_TIME),
                Shell("who", script="id -un >/srv/models/large/who; pwd >>/srv/models/large/who", user="app", cwd="/srv/models"),
            ],
        ),
        {"REGION": "a\\b 'c'"},
    )
    first = vm.start()

    assert "ok" == first["result"], first["output"]

    account = vm.run("getent passwd app; id -Gn app; cat ~app/.ssh/authorized_keys; stat -c '%a %U' ~app/.ssh").splitlines()
    assert account[0].endswith(":/home/app:/bin/sh")
    assert {"adm", "models"} <= set(account[1].split())
    assert (KEY, "700 app") == (account[3], account[-1])
    assert "750 app models\n640 app root\n" == vm.run("stat -c '%a %U %G' /srv/models/large /srv/models/note")
    assert "in a\\b 'c': $5 ${OTHER}\n" == vm.run("cat /srv/models/note")
    assert "app\n/srv/models\n" == vm.run("cat /srv/models/large/who")
    assert "enabled\nactive\n" == vm.run("systemctl is-enabled keeps-time; systemctl is-active keeps-time")

    see = "stat -c '%i %y' /srv/models/note /etc/systemd/system/keeps-time.service; systemctl show -p MainPID keeps-time"
    before = vm.run(see)
    for step in ("file /srv/models/note", "unit keeps-time.service", "user app"):
        assert 0 == vm.evenboot("rerun", step).returncode
    assert before == vm.run(see), "what is as wanted is not touched"

    vm.reboot()

    assert "active\n" == vm.run("systemctl is-active keeps-time")


def web(image: str, port: int) -> StartupScript:
    """Make nginx serve a page on a port."""
    [package] = archive_folder(image).glob("nginx-common_*.deb")
    conf = File("/etc/nginx/conf.d/page.conf", content=f"server {{ listen {port}; location / {{ return 200 'page\\n'; }} }}\n")
    no_example = Shell("drop the example", script="rm -f /etc/nginx/sites-enabled/default")
    return StartupScript(
        "web",
        first_boot=[
            Packages(["nginx"]),
            conf,
            no_example,
            Service("nginx", restart_on=[conf, no_example]),
            Download(
                archived(image, package.name),
                path="/opt/deb/package",
                sha256=hashlib.sha256(package.read_bytes()).hexdigest(),
                mode=0o600,
            ),
        ],
    )


def test_packages_service_and_download(cloud: Cloud) -> None:
    """Packages, Service and Download: nginx is installed and serves; it restarts when its file changes, and only then."""
    vm = cloud.make(web(cloud.image, 8001))
    first = vm.start()
    main_process = "systemctl show --property=MainPID nginx"

    assert "ok" == first["result"], first["output"]
    assert "page\n" == vm.run("curl -fsS localhost:8001")
    assert "600 root\n" == vm.run("stat -c '%a %U' /opt/deb/package")

    before = vm.run(main_process)
    vm.evenboot("rerun", "service nginx")
    assert before == vm.run(main_process)

    vm.define(web(cloud.image, 8002))
    assert 0 == vm.evenboot("apply").returncode
    ran = [outcome for outcome in outcomes(vm.status()) if outcome.startswith("ran")]
    assert ["ran file /etc/nginx/conf.d/page.conf", "ran service nginx"] == ran
    assert "page\n" == vm.run("curl -fsS localhost:8002")
    assert before != vm.run(main_process)

    again = vm.reboot()

    assert {"skipped"} == {step["outcome"] for step in again["steps"]}
    assert "page\n" == vm.run("curl -fsS localhost:8002")
