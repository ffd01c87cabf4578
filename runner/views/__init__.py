"""What people see of an incident: pure view models that encode to the contract's JSON, and pages drawn from them."""
