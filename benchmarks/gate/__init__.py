"""Whether a change may land: new figures against a baseline, within allowances."""
