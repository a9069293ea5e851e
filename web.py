"""What the program's VMs do: nginx serves a page that says which boot this is."""

from __future__ import annotations

from pathlib import Path

from startup import Directory, File, Packages, Service, Shell, StartupScript, Unit

TEXTS = Path(__file__).with_name("web")

site = File("/etc/nginx/conf.d/web.conf", content=(TEXTS / "site.conf").read_text(encoding="utf-8"))
no_example = Shell("drop the example site", script="rm -f /etc/nginx/sites-enabled/default")

web_server = StartupScript(
    "web-server",
    first_boot=[
        Packages(["nginx"]),
        Directory("/srv/web"),
        Directory("/var/lib/web"),
        Shell("count from zero", script="echo 0 >/var/lib/web/boots"),
        File("/srv/web/about.txt", content="This is ${SITE_NAME}.\n", uses=["SITE_NAME"]),
        site,
        no_example,
        Unit("web-uptime.service", content=(TEXTS / "uptime.service").read_text(encoding="utf-8")),
        Service("nginx", restart_on=[site, no_example]),
    ],
    every_boot=[
        Shell("write the page", script=(TEXTS / "page.sh").read_text(encoding="utf-8"), uses=["SITE_NAME"]),
    ],
    shutdown=[
        Shell("note the orderly stop", script="touch /var/lib/web/stopped-in-order"),
    ],
)
