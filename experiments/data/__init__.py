"""The simulated and the real cells (Sections 3.1.1 and 3.2)."""
