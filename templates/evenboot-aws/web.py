"""What the VM does: nginx serves a page."""

from evenboot.startup import File, Packages, Service, Shell, StartupScript

page = File("/var/www/html/index.html", content="This is ${SITE_NAME}.\n", uses=["SITE_NAME"])

web_server = StartupScript(
    "web-server",
    first_boot=[
        Packages(["nginx"]),
        page,
        Service("nginx"),
    ],
    every_boot=[Shell("empty the cache", script="rm -rf /var/cache/nginx/*")],
)
