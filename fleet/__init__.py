"""Many boards and much footage: signed bundles, roll-outs, and a bundle over many recordings."""
