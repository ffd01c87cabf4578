"""The vocabulary of facts: paths, types, values, and the register of facts."""
