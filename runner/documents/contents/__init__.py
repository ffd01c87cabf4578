"""Contents of notices: coverage of what the law asks, forms, cover sheet."""
