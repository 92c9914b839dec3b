"""What stands behind a bundle: the checks, the figures, the report."""
