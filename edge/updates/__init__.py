"""Another bundle while a run goes on: tried elsewhere, as a shadow, on probation, and back if it fails."""
