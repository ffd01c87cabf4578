"""The template language of notices: syntax, values, filters, sandbox."""
