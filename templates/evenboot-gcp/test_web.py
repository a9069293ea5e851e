"""Test the definition: no cloud and no VM is needed for it."""

from evenboot.startup import render, validate

from web import web_server

VALUES = {"SITE_NAME": "the test"}


def test_the_definition_has_no_problems() -> None:
    assert () == validate(web_server, VALUES)


def test_it_fits_into_its_slot() -> None:
    payload = render(web_server, VALUES, "gcp")

    assert payload.size <= payload.limit


def test_the_page_names_the_site() -> None:
    [page] = [step for step in web_server.first_boot if step.name == "file /var/www/html/index.html"]

    assert ("SITE_NAME",) == page.uses
