"""Test the definition: no cloud and no VM is needed for it."""

from evenboot.startup import render
from evenboot.startup.testing import assert_idempotent

from web import web_server

VALUES = {"SITE_NAME": "the test"}


def test_it_fits_into_its_slot() -> None:
    payload = render(web_server, VALUES, "gcp")

    assert payload.size <= payload.limit


def test_the_page_names_the_site(machine_of) -> None:
    machine = machine_of("gcp")

    assert machine.boot(web_server, VALUES).result == "ok"
    assert machine.read("/var/www/html/index.html") == "This is the test.\n"
    assert machine.services == {"nginx": "enabled, running"}


def test_it_can_be_applied_again() -> None:
    assert_idempotent(web_server, values=VALUES)
