"""The command `lint`: what it counts, and what its exit code says."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project

pytestmark = pytest.mark.slow


def test_the_command_counts_clients_and_tells_warnings_by_its_exit_code(clients: Project) -> None:
    clients.rule("all", on="purchase", audience="customer.purchases >= 0", email="all")
    clients.rule("none", on="purchase", audience="customer.purchases > 99", email="none")
    found = clients.data("lint")["findings"]
    said = {(one["check"], one["place"]): one["level"] for one in found}
    assert said["everybody", "campaigns all audience"] == "hint"
    assert said["nobody", "campaigns none audience"] == "hint"
    assert clients.run("lint").stdout.endswith("hints\n")
    assert not [one for one in clients.data("lint", "--no-database")["findings"] if one["check"] == "nobody"]
    clients.rule("never", on="purchase", audience="customer.spent > 5 and customer.spent < 3", email="never")
    result = clients.run("lint", "--no-database")
    assert result.exit_code == 1
    assert "can never hold" in " ".join(result.output.split())
