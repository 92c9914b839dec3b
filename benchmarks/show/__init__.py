"""What was found out, as a person or a program reads it."""
