"""Writer and reader of Word documents (DOCX)."""
