"""What lips say, and whose they are: members of the family asked about people that they never saw."""
