"""Three-valued expressions over facts: parse, check types, evaluate with reasons."""
