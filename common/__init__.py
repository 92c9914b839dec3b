"""The ground floor: what every room stands on. It imports the standard library and numpy alone."""
