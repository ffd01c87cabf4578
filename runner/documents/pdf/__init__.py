"""Writer of PDF documents."""
