"""The words of the field as frozen values: no behaviour beyond their own invariants."""
