"""Facts from a VERIS record, and a VERIS record from facts."""
