"""From what a person wrote to typed, frozen values, or to every problem at once with file, line and column."""
