"""What all use cases share: incidents, transactions, clocks, contacts."""
