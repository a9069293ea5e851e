"""A program loads the SDKs of its own clouds only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}


def loaded(code: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after `code`."""
    script = f"import sys\n{code}\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_loads_no_sdk() -> None:
    """`import components` loads neither Pulumi nor a cloud's SDK."""
    assert not {"pulumi", *SDKS.values()} & loaded("import components")


@pytest.mark.parametrize(("component", "cloud"), [("AwsVm", "aws"), ("GcpVm", "gcp"), ("AzureVm", "azure")])
def test_a_component_loads_its_own_sdk_only(component: str, cloud: str) -> None:
    """The other clouds' SDKs need not be installed."""
    assert {SDKS[cloud]} == set(SDKS.values()) & loaded(f"from components import Inbound, {component}, {component}Args")


def test_unknown_names_are_attribute_errors() -> None:
    """The package says no to what it does not have, and lists what it has."""
    import components

    assert not hasattr(components, "OracleVm")
    assert set(components.__all__) <= set(dir(components))
    assert all(getattr(components, name) for name in components.__all__)
