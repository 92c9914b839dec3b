"""The report's pictures, one file a subject; each function gives the text of an SVG."""
