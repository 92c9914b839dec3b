"""What a run can look into beside the clock: operators, the roof, other engines, instructions."""
