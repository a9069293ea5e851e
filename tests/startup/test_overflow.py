"""What does not fit its slot: the object, and the bootstrap that stands in the slot in its place."""

from __future__ import annotations

import email
import random
from hashlib import sha256

import pytest

from startup import Payload, Shell, StartupScript, StartupScriptError, render, render_or_overflow
from startup.checked import check
from startup.delivery import CLOUDS, Cloud
from startup.overflow import BOOTSTRAP_LIMIT, Overflow, both_forms
from startup.rendering import part

from ..test_shell import complaint_of, shellcheck

SMALL = StartupScript("small", first_boot=[Shell("hello", script="echo hello")])
LARGE = StartupScript("large", first_boot=[Shell("echo", script="echo " + random.Random(5).randbytes(150_000).hex())])
# As long as names and places of the clouds can be.
OBJECT = f"{'v' * 45}-01234567/{'0' * 64}"
LONGEST = {
    "aws": f"https://{'b' * 63}.s3.ap-southeast-2.amazonaws.com/{OBJECT}",
    "gcp": f"https://storage.googleapis.com/{'b' * 63}/{OBJECT}",
    "azure": f"https://{'a' * 24}.blob.core.windows.net/{OBJECT}",
}
each_cloud = pytest.mark.parametrize("cloud", CLOUDS)


def bootstrap(cloud: Cloud, definition: StartupScript = LARGE) -> Payload:
    """Return a bootstrap that is as long as one can be."""
    return both_forms(check(definition, {}), cloud)[1].bootstrap(LONGEST[cloud], "ap-southeast-2" if cloud == "aws" else "")


@each_cloud
def test_what_fits_is_rendered_as_ever(cloud: Cloud) -> None:
    """A definition that fits its slot gives the very payload that `render` gives."""
    assert render(SMALL, {}, cloud) == render_or_overflow(SMALL, {}, cloud)


@each_cloud
def test_what_does_not_fit_is_an_object(cloud: Cloud) -> None:
    """One that does not is the plain script, of the SHA-256 that names it."""
    found = render_or_overflow(LARGE, {}, cloud)

    assert isinstance(found, Overflow)
    assert found.text.startswith("#!/bin/sh\n")
    assert found.sha256 == sha256(found.text.encode()).hexdigest()
    assert LARGE.first_boot[0].script in found.text  # pyright: ignore[reportAttributeAccessIssue]


@each_cloud
def test_the_object_is_whole(cloud: Cloud) -> None:
    """The object carries the checksum that every payload carries."""
    head, _, rest = both_forms(check(LARGE, {}), cloud)[1].text.partition("# sum=")

    assert rest[:64] == sha256(rest[65:].encode()).hexdigest()
    assert "\n" == head[-1]


def test_problems_are_reported_as_ever() -> None:
    """R6: what is wrong with a definition is said whether or not it fits."""
    with pytest.raises(StartupScriptError, match="first_boot"):
        render_or_overflow(StartupScript("x", first_boot=[Shell("", script="true")]))


@each_cloud
def test_the_bootstrap_is_small(cloud: Cloud) -> None:
    """It has at most 3 KB before base64, uncompressed, with the longest names that a cloud allows; R5: readable."""
    payload = bootstrap(cloud, StartupScript("x" * 100, first_boot=LARGE.first_boot))

    assert payload.size <= BOOTSTRAP_LIMIT
    assert not payload.compressed


@each_cloud
def test_the_bootstrap_is_deterministic(cloud: Cloud) -> None:
    """R1: the same object gives the same bytes; another object, name or place gives others."""
    again = StartupScript("large", first_boot=[Shell("echo", script=LARGE.first_boot[0].script)])  # pyright: ignore[reportAttributeAccessIssue]

    assert bootstrap(cloud).content == bootstrap(cloud, again).content
    assert bootstrap(cloud).content != bootstrap(cloud, SMALL).content


@each_cloud
def test_no_value_is_pasted_into_code(cloud: Cloud) -> None:
    """R4: after its comments a bootstrap is the files as they stand."""
    text = both_forms(check(LARGE, {}), cloud)[1].bootstrap("https://a.example/b", "r").text
    program = part("environment.sh") + part(f"object_{cloud}.sh") + part("bootstrap.sh")

    assert program in text
    comments = text.partition(program)[0].partition("#!/bin/sh\n")[2]
    assert all(line.startswith("# ") for line in comments.splitlines())
    assert "# object=https://a.example/b\n" in comments


@each_cloud
def test_cloud_init_can_write_it(cloud: Cloud) -> None:
    """A name that is not ASCII is escaped: cloud-init cannot write a part that has other characters."""
    payload = bootstrap(cloud, StartupScript("größer", first_boot=LARGE.first_boot))

    assert payload.text.isascii()
    if cloud != "gcp":
        [attached] = [one for one in email.message_from_string(payload.text).walk() if not one.is_multipart()]
        assert attached.get_content_type() == "text/cloud-boothook"
        assert str(attached.get_payload()).startswith("#!/bin/sh\n")


@each_cloud
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_it_is_shell(shell: str, cloud: Cloud) -> None:
    """The whole bootstrap is POSIX shell to shellcheck, dash and bash, and uses no variable that nothing sets."""
    text = "#!/bin/sh" + bootstrap(cloud).text.partition("#!/bin/sh")[2].partition("\n--evenboot-")[0] + "\n"

    assert "" == complaint_of(shell, text=text)
    # EVENBOOT_DELIVERED is for the program that is started; cd is not used.
    assert "" == shellcheck("--enable=check-unassigned-uppercase", "-", text=text)


@pytest.mark.parametrize("url", ["https://a.example/b c", "https://a.example/\nrm -rf /", "https://a.example/ü"])
def test_what_cannot_be_an_address(url: str) -> None:
    """An address with which a bootstrap would say something else is refused."""
    with pytest.raises(ValueError, match="no address of an object"):
        both_forms(check(SMALL, {}), "aws")[1].bootstrap(url)


@pytest.mark.parametrize("region", ["eu central", "eu\nrm -rf /", "eu\tcentral", "zürich"])
def test_what_cannot_be_a_region(region: str) -> None:
    """A region with which a bootstrap would say something else is refused, too."""
    with pytest.raises(ValueError, match="no address of an object"):
        both_forms(check(SMALL, {}), "aws")[1].bootstrap("https://a.example/b", region)


@each_cloud
def test_the_error_names_the_way_out(cloud: Cloud) -> None:
    """R3: without `overflow` the error names it."""
    with pytest.raises(StartupScriptError, match="overflow=True"):
        render(LARGE, {}, cloud)
