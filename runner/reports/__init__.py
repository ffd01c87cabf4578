"""What people see, as frozen structs that encode to the JSON of the contract, and as text."""
