"""Servers that refuse the sender: at once or in a late report, one reader or many, in one campaign and in the next."""

from __future__ import annotations

from runner.app.campaigns.rates import Rates
from runner.routing.traffic import read_rate
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import bulk, office, relay
from tests.incident.campaigns.test_bulk import campaign

__all__ = ("bulk", "office", "relay")


def test_the_slowest_of_several_rates_governs_how_many_go_out_at_once(bulk: AtDesk) -> None:
    service = bulk.office()
    tables, channel = service.campaign_tables(service.principal), service.channels["relay"]

    def most(*rates: str) -> int:
        one = campaign(rates={"relay": tuple(map(read_rate, rates))})
        found = Rates(service, tables, one, {"email": channel})
        return found.most("email", 500, service.clock.now())

    assert most("50/s", "10000/day burst 10000") == most("50/s") == 50
    assert most("2000/day burst 300") == 300
    assert most("2000/day") == 1
