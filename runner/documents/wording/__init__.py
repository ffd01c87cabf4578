"""Labels and phrases of documents, by language."""
