"""The law: regimes, clocks, duties, applicability and deadlines. Independent of incidents."""
