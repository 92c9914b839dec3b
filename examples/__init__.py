"""Programs that stand above all rooms: demonstrations, tables of the documentation, experiments."""
