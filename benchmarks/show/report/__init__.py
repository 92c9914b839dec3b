"""Records as one page for a person (HTML, Markdown) or as rows for a program (CSV)."""
