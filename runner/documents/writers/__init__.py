"""Writers of HTML, plain text, Markdown and spreadsheets."""
