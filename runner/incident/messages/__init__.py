"""Deliveries: schedule, failover, escalation, acknowledgements, receipts."""
