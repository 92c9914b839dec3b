"""Members of the family, trained alike on the same data: what accuracy costs."""
