"""Another bundle while a run goes on."""
