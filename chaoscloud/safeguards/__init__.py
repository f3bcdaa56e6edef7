"""Is this run allowed? What the console answers, and what a run does with the answer."""
