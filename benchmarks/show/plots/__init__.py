"""The report's plots, one file a subject; each function gives the text of an SVG."""
