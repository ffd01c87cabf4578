"""The law: regimes, clocks, duties, applicability and deadlines. Knows no incident."""
