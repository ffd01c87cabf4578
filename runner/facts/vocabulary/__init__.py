"""The vocabulary of facts: paths, types, values, and the register that holds them."""
